/** A collection's place in the mesh: the signaller's room, and the links to those who are in it. */
import {
  CollectionMesh,
  DirectLinks,
  type CollectionSync,
  type DirectLinksOptions,
  type Presence,
  type RoomState,
  type Signalling,
  type SignallingRoom,
} from '@holdfast/peer'
import type { Clock, Logger, Random } from '@holdfast/peer/ports'
import {
  canWrite,
  type Access,
  type CollectionName,
  type InstanceId,
} from '@holdfast/peer/protocol'
import type { LinkInfo } from '../api.js'
import type { Network } from './network.js'

export interface MeshWayOptions {
  readonly name: CollectionName
  readonly signalling: Signalling
  readonly network: Network
  readonly sync: CollectionSync
  readonly presence: Presence
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Who is linked, or what this side may do, has changed. */
  readonly changed: () => void
  readonly refused: (state: Extract<RoomState, { phase: 'refused' }>) => void
  /** Links with archives of the room. Absent: none are made. */
  readonly archives?: Pick<DirectLinksOptions, 'onLink' | 'onGone'> | undefined
}

export class MeshWay {
  readonly #room: SignallingRoom
  readonly #mesh: CollectionMesh
  /** With archives, which are no part of the mesh. */
  readonly #archiveLinks: DirectLinks | undefined
  readonly #options: MeshWayOptions
  #access: Access = 'write'
  #closing: Promise<void> | undefined

  constructor(options: MeshWayOptions) {
    const { name, signalling, network, changed, archives } = options
    this.#options = options
    // The first join may ask before there is a mesh.
    let mesh: CollectionMesh | undefined = undefined
    this.#room = signalling.join(name, {
      standing: () => [...(this.#archiveLinks?.standing ?? []), ...(mesh?.standing ?? [])],
    })
    const { dialer } = network
    if (archives !== undefined && dialer !== undefined) {
      this.#archiveLinks = new DirectLinks({
        ...options,
        ...archives,
        room: this.#room,
        dialer,
        gate: network.gate,
        isWanted: isArchive,
      })
    }
    mesh = new CollectionMesh({
      ...options,
      room: this.#room,
      dialer: network.dialer,
      gate: network.gate,
      relay: network.relay,
      onPeers: changed,
    })
    this.#mesh = mesh
    this.#room.onState((state) => this.#roomChanged(state))
  }

  /** What this side may do, by its token; `write` until the signaller has said so. */
  get access(): Access {
    return this.#access
  }

  /** Absent while the signaller has not said it. */
  get knownAccess(): Access | undefined {
    const { state } = this.#room
    return state.phase === 'joined' ? state.access : undefined
  }

  get isConnecting(): boolean {
    const { phase } = this.#options.signalling.state
    return this.#room.state.phase === 'joining' || phase === 'dialing'
  }

  get peerCount(): number {
    return this.#mesh.peers.length
  }

  /** Those to whom a link stands. */
  get neighbours(): readonly InstanceId[] {
    return this.#mesh.peers.map(({ instance }) => instance)
  }

  get links(): readonly LinkInfo[] {
    const reportByInstance = new Map(this.#mesh.reports().map((one) => [one.instance, one]))
    return this.#mesh.peers.map(({ instance, path, isSynced }) => {
      const report = reportByInstance.get(instance)
      return {
        kind: 'peer',
        id: instance,
        path,
        isSynced,
        roundTripMs: report?.roundTripMs,
        sentBytes: report?.sentBytes ?? 0,
        receivedBytes: report?.receivedBytes ?? 0,
      }
    })
  }

  setAway(away: boolean): void {
    this.#mesh.setAway(away)
  }

  retryNow(): void {
    this.#mesh.retryNow()
    this.#archiveLinks?.retryNow()
  }

  /** Says goodbye on every link, and leaves. Resolves when what was queued has left, in five seconds at most. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#archiveLinks?.close()
    const closed = this.#mesh.close()
    // A relay ends with the room, and what is queued in it as well.
    if (this.#mesh.usesRelay) await closed
    this.#room.leave()
    await closed
  }

  #roomChanged(state: RoomState): void {
    if (state.phase === 'refused') this.#options.refused(state)
    else if (state.phase === 'joined' && state.access !== this.#access) {
      const couldWrite = canWrite(this.#access)
      this.#access = state.access
      if (couldWrite !== canWrite(state.access)) this.#mesh.relink()
    }
    this.#options.changed()
  }
}

const isArchive: DirectLinksOptions['isWanted'] = ({ role }) => role === 'archive'
