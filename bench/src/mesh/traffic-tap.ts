/** Counts what this process gives to its data channels and hears from the signalling server. */
import { Joiner, parseMessage } from '@holdfast/peer/protocol'
import wrtc from '@roamhq/wrtc'
import { WebSocket } from 'ws'
import type { PeerKind, Traffic } from './peer-commands.js'

const none = { edits: 0, sends: 0, sentBytes: 0, signals: 0, relayed: 0 }
let traffic = { ...none }

export function takeTraffic(): Traffic {
  const taken = traffic
  traffic = { ...none }
  return taken
}

export class CountedWebSocket extends WebSocket {
  constructor(url: string) {
    super(url)
    this.on('message', (_data, isBinary) => {
      traffic.signals++
      if (isBinary) traffic.relayed++
    })
  }
}

/** Every data channel of the process counts from now on. */
export function countSends(kind: PeerKind): void {
  const prototype = (wrtc as unknown as { RTCDataChannel: { prototype: SendingChannel } })
    .RTCDataChannel.prototype
  // Called with the channel as it was: only the prototype holds it for all of them.
  // oxlint-disable-next-line typescript/unbound-method
  const { send } = prototype
  const editsIn = kind === 'holdfast' ? holdfastEdits() : yWebrtcEdits
  prototype.send = function (this: object, data: Uint8Array) {
    traffic.sends++
    traffic.sentBytes += data.byteLength
    traffic.edits += editsIn(this, data)
    send.call(this, data)
  }
}

interface SendingChannel {
  send(data: Uint8Array): void
}

/** Reads along: live edits, not the states that two compare when they meet. */
function holdfastEdits(): (channel: object, frame: Uint8Array) => number {
  const joinerByChannel = new WeakMap<object, Joiner>()
  return (channel, frame) => {
    const joiner = joinerByChannel.get(channel) ?? new Joiner()
    joinerByChannel.set(channel, joiner)
    const taken = joiner.take(frame, 0)
    if (!taken.ok || taken.value.kind !== 'messages') return 0
    return taken.value.messages.filter((bytes) => {
      const parsed = parseMessage(bytes)
      return parsed.ok && parsed.value.type === 'update' && parsed.value.cause.kind === 'op'
    }).length
  }
}

/** y-protocols: a sync message (0) that is an update (2). */
function yWebrtcEdits(_channel: object, [type, kind]: Uint8Array): number {
  return type === 0 && kind === 2 ? 1 : 0
}
