/** What an app gives `createClient`, and what links are made of it. */
import {
  browserRtc,
  browserWebSocket,
  gateOfProcess,
  HandshakeGate,
  rtcDialer,
  webSocketDial,
  type Dial,
  type LinkDialer,
  type TokenProvider,
} from '@holdfast/peer'
import type { Clock, Logger, Random, Rtc, WebSocketConstructor } from '@holdfast/peer/ports'
import { webSocketArchiveDial } from '../archive/index.js'
import type { ClientStore, Platform } from '../core/core.js'
import type { ArchiveAddress, Network } from '../core/network.js'
import { ClientError } from '../errors.js'

export interface ClientOptions {
  /** Where things are kept: `browserStore(name)`, `nodeStore(path)`, `nativeStore(…)`, `memoryStore()`. */
  readonly store: ClientStore
  /** Signaller and archive of one host: `wss://host` stands for `wss://host/signal` and `wss://host/archive`. */
  readonly server?: string
  /** The signaller alone, or another one than the server's. False: no mesh. */
  readonly signal?: string | Dial | false
  /**
   * Archives alone, or others than the server's. False, or an empty list: none. Where nothing says
   * one, those are used that are in the signaller's rooms, over WebRTC.
   */
  readonly archive?: string | ArchiveAddress | readonly (string | ArchiveAddress)[] | false
  /** Asked for each connection, and when a token ends. */
  readonly token?: TokenProvider
  /** Default: the platform's own; in Node that of `ws`, where the app has installed it. */
  readonly WebSocket?: WebSocketConstructor
  /** Default: the page's own; in Node that of `@roamhq/wrtc`, where the app has installed it. False: only relays. */
  readonly rtc?: Rtc | false
  /** Direct links by TURN servers alone, so that no neighbour learns this side's address. */
  readonly relayOnly?: boolean
  /** Whether frames may go through the signaller while there is no direct link. Default: true. */
  readonly relay?: boolean
  /** Direct links made in another way than by WebRTC. Not beside `rtc`. */
  readonly dialer?: LinkDialer
  readonly clock?: Clock
  readonly random?: Random
  readonly logger?: Logger
}

/** Throws a `ClientError` for what cannot be meant. */
export async function networkOf(options: ClientOptions): Promise<Network> {
  const { server, token, relay = true } = options
  const signal = options.signal ?? below(server, 'signal')
  const archive = options.archive ?? below(server, 'archive')
  const archives = archive === false || archive === undefined ? [] : [archive].flat()
  const dialled = [signal, ...archives].some((address) => typeof address === 'string')
  const wantsRtc = isGiven(signal) && options.rtc === undefined && options.dialer === undefined
  const platform =
    (dialled && options.WebSocket === undefined) || wantsRtc ? await platformOf(options) : {}
  const WebSocket = options.WebSocket ?? platform.WebSocket
  return {
    signal: isGiven(signal) ? signalDial(signal, WebSocket) : undefined,
    archives: archives.map((address) => archiveAddress(address, WebSocket)),
    takesRoomArchives: archive === undefined,
    ...directOf(options, platform.rtc),
    relay,
    token,
  }
}

function below(server: string | undefined, path: string): string | undefined {
  return server === undefined ? undefined : `${server.replace(/\/+$/, '')}/${path}`
}

/** The page's own before what the store knows of its platform. */
async function platformOf({ store }: ClientOptions): Promise<Platform> {
  const known = (await store.platform?.()) ?? {}
  const WebSocket = browserWebSocket() ?? known.WebSocket
  const rtc = browserRtc() ?? known.rtc
  return { ...(WebSocket && { WebSocket }), ...(rtc && { rtc }) }
}

function signalDial(signal: string | Dial, WebSocket: WebSocketConstructor | undefined): Dial {
  if (typeof signal === 'function') return signal
  return dialOf('signaller', signal, WebSocket, webSocketDial)
}

function archiveAddress(
  archive: string | ArchiveAddress,
  WebSocket: WebSocketConstructor | undefined,
): ArchiveAddress {
  if (typeof archive !== 'string') return archive
  return { url: archive, dial: dialOf('archive', archive, WebSocket, webSocketArchiveDial) }
}

function dialOf<T>(
  what: string,
  url: string,
  WebSocket: WebSocketConstructor | undefined,
  make: (WebSocket: WebSocketConstructor, url: string) => T,
): T {
  if (WebSocket === undefined) {
    throw new ClientError(
      'unsupported',
      'this platform has no WebSocket: give one (in Node, install ws)',
    )
  }
  try {
    return make(WebSocket, url)
  } catch (cause) {
    const text = `the address of the ${what} starts with ws:// or wss://, got ${url}`
    throw new ClientError('bad-option', text, { cause })
  }
}

function directOf(
  { dialer, rtc: given, relayOnly = false }: ClientOptions,
  platformRtc: Rtc | undefined,
): Pick<Network, 'dialer' | 'gate'> {
  if (dialer !== undefined) {
    if (given === undefined) return { dialer, gate: new HandshakeGate() }
    throw new ClientError('bad-option', 'a client has an rtc or a dialer, not both')
  }
  const rtc = given === false ? undefined : (given ?? platformRtc)
  if (rtc === undefined) return { dialer: undefined, gate: new HandshakeGate() }
  return { dialer: rtcDialer({ rtc, relayOnly }), gate: gateOfProcess(rtc) }
}

function isGiven(signal: ClientOptions['signal']): signal is string | Dial {
  return signal !== undefined && signal !== false
}
