/**
 * Frames are what a link carries: messages cut to its size, and how far the other side's have come.
 *
 *   frame    kind (a byte), number (a uint: 0 for the first frame of this link in this direction, then
 *            one more each), body
 *
 *   kind     body                                                      live   bulk
 *   whole    one message, to the end of the frame                       00     01
 *   several  messages, each after its length (a uint), to the end       02     03
 *   first    the length of a message (a uint), and its first bytes      04     05
 *   more     the next bytes of the message under way in this lane       06     07
 *   received the bytes (a uint) of all data frames so far, headers in   08
 *
 * In each lane at most one message is under way; frames of the other lane come between its pieces. A
 * keystroke's frame carries two bytes that are not its message, three after 128 frames, four after
 * 16,384, five after two million.
 */
import type { Lane } from '../messages/message.js'
import { uintLength } from '../wire/writer.js'

/** Shape and lane in one byte: the shape's number, doubled, plus one for bulk. */
export const shapes = { whole: 0, several: 1, first: 2, more: 3 } as const
export type Shape = keyof typeof shapes

/** `received`: not data, so it has no lane. */
export const receivedKind = 8

export function kindOf(shape: Shape, lane: Lane): number {
  return shapes[shape] * 2 + (lane === 'bulk' ? 1 : 0)
}

/** Bytes in front of a frame's body. */
export function headerLength(number: number): number {
  return 1 + uintLength(number)
}
