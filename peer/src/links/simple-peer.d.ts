/** As much of simple-peer 9 as is used. Its own package has no types. */
declare module 'simple-peer/simplepeer.min.js' {
  interface Signals {
    readonly type: string
    readonly sdp?: string
    readonly candidate?: {
      readonly candidate: string
      readonly sdpMid: string | null
      readonly sdpMLineIndex: number | null
    }
  }

  interface ChannelEvent {
    readonly channel: { close(): void }
  }

  export default class SimplePeer {
    constructor(options: {
      readonly initiator: boolean
      readonly wrtc: object
      readonly objectMode: boolean
      readonly trickle: boolean
      readonly channelName: string
      readonly config: object
    })
    readonly bufferSize: number
    readonly destroyed: boolean
    /** Called with each message of the channel. */
    _onChannelMessage: (event: { readonly data: unknown }) => void
    /** Armed with the first candidate, and forgotten by `destroy`. The platform's handle, of whatever type. */
    readonly _iceCompleteTimer: number | null
    readonly _pc: { ondatachannel: ((event: ChannelEvent) => void) | null } | null
    signal(data: object): void
    send(data: Uint8Array | string): void
    destroy(): void
    on(event: 'signal', listener: (data: Signals) => void): this
    on(event: 'connect' | 'close', listener: () => void): this
    on(event: 'error', listener: (error: Error & { readonly code?: string }) => void): this
  }
}
