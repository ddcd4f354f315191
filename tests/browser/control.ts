/*
 * Two processes (or pages) that test one link together. One holds the test and its own end; the other
 * only serves its end, over a second link, the control:
 *
 *   test ── a ═════════ the link that is tested ═════════ served end
 *     └──── b: RemoteLink ──── control: send, listen, close ──┘
 *
 * So a suite that was written for two ends in one process runs unchanged on two. What it proves about
 * calls inside calls it proves for `a`; the suite runs once from each side.
 */
import type { Link, LinkClosed, Undo } from '@holdfast/peer/ports'
import { LinkEvents } from '@holdfast/peer/testing'

/** Each command is a frame with its letter and a frame with its bytes: the bytes may be a whole frame. */
export type Command = 'ready' | 'frame' | 'listen' | 'deaf' | 'close' | 'signal'

export class Control {
  readonly #link: Link
  readonly #handlers = new Map<Command, (bytes: Uint8Array) => void>()
  /** What came before its handler did. */
  readonly #early: { readonly command: Command; readonly bytes: Uint8Array }[] = []
  #command: Command | undefined

  constructor(link: Link) {
    this.#link = link
    link.onFrame((bytes) => {
      if (this.#command === undefined) {
        this.#command = new TextDecoder().decode(bytes) as Command
        return
      }
      const command = this.#command
      this.#command = undefined
      const handler = this.#handlers.get(command)
      if (handler === undefined) this.#early.push({ command, bytes })
      else handler(bytes)
    })
  }

  send(command: Command, bytes: Uint8Array | string = ''): void {
    this.#link.send(new TextEncoder().encode(command))
    this.#link.send(typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes)
  }

  on(command: Command, handler: (bytes: Uint8Array) => void): void {
    this.#handlers.set(command, handler)
    for (const early of this.#early.splice(0)) {
      if (early.command === command) handler(early.bytes)
      else this.#early.push(early)
    }
  }

  close(): void {
    this.#link.close()
  }
}

/** Serves an end to whoever tests it, and goes when the control does. */
export function serveLink(link: Link, control: Control): void {
  let stopListening: Undo | undefined
  control.on('frame', (bytes) => link.send(bytes))
  control.on('listen', () => {
    stopListening = link.onFrame((bytes) => control.send('frame', bytes))
  })
  control.on('deaf', () => stopListening?.())
  control.on('close', (reason) => link.close(new TextDecoder().decode(reason)))
  link.onClose((closed) => control.send('close', JSON.stringify(closed)))
  control.send('ready')
}

/** Resolves once the end over there is served: then both ends are open. */
export function remoteLink(control: Control, like: Link): Promise<Link> {
  return new Promise((resolve) => {
    const link = new RemoteLink(control, like)
    control.on('ready', () => resolve(link))
  })
}

/** The other end, as it is served over the control. */
class RemoteLink implements Link {
  readonly kind: Link['kind']
  readonly maxFrameBytes: number
  readonly bufferedBytes = 0
  readonly #control: Control
  readonly #events = new LinkEvents((call) => queueMicrotask(call))
  #listeners = 0
  #isClosing = false

  /** @param like the end on this side: both ends are of one kind */
  constructor(control: Control, like: Link) {
    this.#control = control
    this.kind = like.kind
    this.maxFrameBytes = like.maxFrameBytes
    control.on('frame', (bytes) => {
      if (this.#isClosing || this.#events.receive(bytes)) return
      throw new Error('frames were served that nobody asked for')
    })
    control.on('close', (closed) => {
      this.#events.finish(JSON.parse(new TextDecoder().decode(closed)) as LinkClosed)
    })
  }

  send(frame: Uint8Array): void {
    if (!this.#isClosing) this.#control.send('frame', frame)
  }

  onFrame(listener: (frame: Uint8Array) => void): Undo {
    if (this.#listeners++ === 0) this.#control.send('listen')
    const undo = this.#events.onFrame(listener)
    let isUndone = false
    return () => {
      undo()
      if (!isUndone && --this.#listeners === 0) this.#control.send('deaf')
      isUndone = true
    }
  }

  onClose(listener: (closed: LinkClosed) => void): Undo {
    return this.#events.onClose(listener)
  }

  close(reason = 'closed'): void {
    if (this.#isClosing) return
    this.#isClosing = true
    this.#control.send('close', reason)
  }
}
