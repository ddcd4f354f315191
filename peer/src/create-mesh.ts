/**
 * A mesh for an application that has its own Y.Docs and needs nothing kept: signalling, links, sync
 * and presence put together.
 */
import type * as Y from 'yjs'
import { browserRtc } from './links/browser-rtc.adapter.js'
import { PeerError } from './errors.js'
import { browserWebSocket } from './mesh/browser-web-socket.adapter.js'
import { rtcDialer, type LinkDialer } from './mesh/dialer.js'
import { HandshakeGate } from './mesh/handshake-gate.js'
import { gateOfProcess } from './mesh/handshake-gate.adapter.js'
import { MeshCollection, type MeshCollectionStatistics } from './mesh/mesh-collection.js'
import {
  silentLogger,
  systemClock,
  systemRandom,
  type Clock,
  type Logger,
  type Random,
  type Rtc,
  type Undo,
  type WebSocketConstructor,
} from './ports/index.js'
import {
  hexOf,
  parseCollectionName,
  type CollectionName,
  type DocumentRef,
  type InstanceId,
  type ReplicaId,
} from './protocol/index.js'
import {
  createSignalling,
  webSocketDial,
  type ConnectionState,
  type Dial,
  type Signalling,
  type TokenProvider,
} from './signalling/index.js'

export interface MeshIdentity {
  readonly replica: ReplicaId
  readonly instance: InstanceId
}

export interface MeshOptions {
  /** The signaller's address (`ws:` or `wss:`), or how to dial it. Not beside `signalling`. */
  readonly server?: string | Dial
  /** For an address. Default: the platform's own; Node 20 has none. */
  readonly WebSocket?: WebSocketConstructor
  /** Asked for a token for each connection to the signaller. */
  readonly token?: TokenProvider
  /** A signalling of the application's own, and the identity that it has. It is not closed here. */
  readonly signalling?: Signalling
  /** Default: new ones. An instance must be new for each run. */
  readonly identity?: MeshIdentity
  /** For direct links. Default: the page's own; without one only relays are used. */
  readonly rtc?: Rtc
  /** Direct links by TURN servers alone, so that no neighbour learns this side's address. */
  readonly relayOnly?: boolean
  /** Direct links made in another way than by WebRTC. Not beside `rtc`. */
  readonly dialer?: LinkDialer
  /** Whether frames may go through the signaller while there is no direct link. Default: true. */
  readonly relay?: boolean
  /**
   * Lets few handshakes be under way at a time. Default: the one that all meshes of the process on
   * this implementation of WebRTC share; with a `dialer`, one of this mesh's own.
   */
  readonly gate?: HandshakeGate
  /**
   * A Y.Doc for a document that neighbours hold and nobody here has opened: then it is synced
   * without being opened. Without it, such documents are left to the others.
   */
  readonly createDoc?: (collection: string, document: DocumentRef) => Y.Doc | undefined
  readonly clock?: Clock
  readonly random?: Random
  readonly logger?: Logger
}

export interface MeshStatistics {
  readonly signalling: ConnectionState['phase']
  /** Under way at this mesh's gate, for whichever mesh. */
  readonly handshakes: number
  readonly collections: Readonly<Record<string, MeshCollectionStatistics>>
}

export interface Mesh {
  readonly identity: MeshIdentity
  readonly collections: readonly MeshCollection[]
  /** The connection to the signaller. Links stand without it. */
  readonly state: ConnectionState
  onState(listener: (state: ConnectionState) => void): Undo
  /**
   * Joins a collection: from now on this peer is linked with others in it. Throws a `PeerError` for
   * a bad name, for a collection that is joined, and after `close`.
   */
  join(collection: string): MeshCollection
  /** A hidden page or an app in the background: slow to answer, and known to be. */
  setAway(away: boolean): void
  /** The network is back, the page is visible again, somebody has signed in: no pause is waited for. */
  retryNow(): void
  stats(): MeshStatistics
  /**
   * Closes every collection, and the signalling if it was made here. Resolves when what was queued
   * has left or five seconds have passed; then nothing is armed or open any more. Idempotent.
   */
  close(): Promise<void>
}

/** Makes a mesh. Nothing is dialled before the first `join`. */
export function createMesh(options: MeshOptions): Mesh {
  return new PeerMesh(options)
}

class PeerMesh implements Mesh {
  readonly identity: MeshIdentity
  readonly #options: MeshOptions
  readonly #clock: Clock
  readonly #random: Random
  readonly #logger: Logger
  readonly #signalling: Signalling
  readonly #dialer: LinkDialer | undefined
  readonly #gate: HandshakeGate
  readonly #collectionByName = new Map<CollectionName, MeshCollection>()
  #closing: Promise<void> | undefined

  constructor(options: MeshOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#random = options.random ?? systemRandom
    this.#logger = options.logger ?? silentLogger
    const { dialer, rtc } = directOf(options)
    this.#dialer = dialer
    this.#gate = options.gate ?? (rtc === undefined ? new HandshakeGate() : gateOfProcess(rtc))
    if (options.signalling !== undefined && options.identity === undefined) {
      throw new PeerError('bad-option', 'a given signalling needs the identity that it has')
    }
    this.identity = options.identity ?? {
      replica: hexOf(this.#random.bytes(16)) as ReplicaId,
      instance: hexOf(this.#random.bytes(16)) as InstanceId,
    }
    this.#signalling =
      options.signalling ??
      createSignalling({
        dial: dialOf(options),
        clock: this.#clock,
        random: this.#random,
        logger: this.#logger,
        identity: this.identity,
        ...(options.token === undefined ? {} : { token: options.token }),
      })
  }

  get collections(): readonly MeshCollection[] {
    return [...this.#collectionByName.values()]
  }

  get state(): ConnectionState {
    return this.#signalling.state
  }

  onState(listener: (state: ConnectionState) => void): Undo {
    return this.#signalling.onState(listener)
  }

  join(name: string): MeshCollection {
    if (this.#closing !== undefined) throw new PeerError('closed', 'this mesh is closed')
    const parsed = parseCollectionName(name)
    if (!parsed.ok) throw new PeerError('bad-name', parsed.refusal.detail)
    if (this.#collectionByName.has(parsed.value)) {
      throw new PeerError('already-open', `the collection ${name} is joined already`)
    }
    const { createDoc, relay = true } = this.#options
    const collection = new MeshCollection({
      name: parsed.value,
      identity: this.identity,
      signalling: this.#signalling,
      dialer: this.#dialer,
      gate: this.#gate,
      relay,
      clock: this.#clock,
      random: this.#random,
      logger: this.#logger,
      createDoc: createDoc && ((document) => createDoc(name, document)),
      onClosed: () => this.#collectionByName.delete(parsed.value),
    })
    this.#collectionByName.set(parsed.value, collection)
    return collection
  }

  setAway(away: boolean): void {
    for (const collection of this.collections) collection.setAway(away)
  }

  retryNow(): void {
    this.#signalling.retryNow()
    for (const collection of this.collections) collection.retryNow()
  }

  stats(): MeshStatistics {
    return {
      signalling: this.state.phase,
      handshakes: this.#gate.underWay,
      collections: Object.fromEntries(
        this.collections.map((collection) => [collection.name, collection.stats()]),
      ),
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await Promise.all(this.collections.map((collection) => collection.close()))
    if (this.#options.signalling === undefined) this.#signalling.close()
  }
}

function dialOf({ server, WebSocket = browserWebSocket() }: MeshOptions): Dial {
  if (typeof server === 'function') return server
  if (server === undefined)
    throw new PeerError('bad-option', 'a mesh needs a server or a signalling')
  if (WebSocket === undefined) {
    throw new PeerError('bad-option', 'this platform has no WebSocket: give one')
  }
  try {
    return webSocketDial(WebSocket, server)
  } catch (cause) {
    throw new PeerError('bad-option', `not a server's address: ${server}`, { cause })
  }
}

/** How direct links are made, if at all. */
function directOf({ dialer, rtc: given, relayOnly = false }: MeshOptions): {
  readonly dialer?: LinkDialer
  readonly rtc?: Rtc
} {
  if (dialer !== undefined) {
    if (given === undefined) return { dialer }
    throw new PeerError('bad-option', 'a mesh has an rtc or a dialer, not both')
  }
  const rtc = given ?? browserRtc()
  return rtc === undefined ? {} : { rtc, dialer: rtcDialer({ rtc, relayOnly }) }
}
