/**
 * The ways to all archives of a collection: those that the app has named, and those that the
 * signaller's room brings.
 *
 *   left ──dial──► named ones, dialled ──leave──► left: still listed, as offline
 *              └── ones of the room, as they come and go
 */
import type { Presence } from '@holdfast/peer'
import type { Clock, Link, Logger, Random } from '@holdfast/peer/ports'
import type {
  Access,
  ArchiveId,
  CollectionName,
  DocumentRef,
  ErrorCode,
  InstanceId,
  Neighbour as NamedNeighbour,
} from '@holdfast/peer/protocol'
import type { ArchiveStatus, LinkInfo, Progress } from '../api.js'
import { RoomDial, type ArchiveTrouble, type Reach } from '../archive/index.js'
import type { ArchiveLedger } from '../replica/port.js'
import type { Store } from '../store/store.js'
import { ArchiveWay } from './archive-way.js'
import type { ArchiveAddress, Network } from './network.js'

export interface ArchiveWaysOptions {
  readonly name: CollectionName
  readonly store: Store
  readonly instance: InstanceId
  readonly network: Network
  readonly ledger: ArchiveLedger
  readonly reach: Reach
  readonly presence: Presence
  /** Those that are open here. */
  readonly documents: () => readonly DocumentRef[]
  /** Another tab of this app: what it shows goes over these links. */
  readonly isTab: (instance: InstanceId) => boolean
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** How one of them stands has changed. */
  readonly changed: () => void
  readonly refused: (code: ErrorCode) => void
  /** It and this replica are about to be compared: what it has said to have is in doubt. */
  readonly doubted: (archive: ArchiveId) => void
  readonly trouble: (trouble: ArchiveTrouble, way: ArchiveWay) => void
}

export class ArchiveWays {
  readonly #options: ArchiveWaysOptions
  #ways: readonly ArchiveWay[] = []
  /** Those of them that the signaller's room has brought. */
  readonly #roomWayById = new Map<InstanceId, RoomWay>()
  /** Those that the app has named, while they are left. */
  #left: readonly ArchiveStatus[]
  #isLeft = true
  #isAway = false
  /** The last that was said; it holds until another is, or one is refused. */
  #access: Access | undefined
  /** Saying goodbye. */
  readonly #leaving = new Set<Promise<void>>()

  constructor(options: ArchiveWaysOptions) {
    this.#options = options
    this.#left = options.network.archives.map(({ url }) => ({ ...neverMet, url }))
  }

  get access(): Access | undefined {
    return this.#access
  }

  get statuses(): readonly ArchiveStatus[] {
    return [...this.#left, ...this.#ways.map((way) => way.status)]
  }

  get progress(): Progress | undefined {
    return this.#ways.map((way) => way.progress).find(Boolean)
  }

  get links(): readonly LinkInfo[] {
    return this.#ways.flatMap((way) => way.link ?? [])
  }

  /** Archives that have let this client in. */
  get linked(): readonly ArchiveWay[] {
    return this.#ways.filter(({ isLinked }) => isLinked)
  }

  get isDialling(): boolean {
    return this.#ways.some(({ state }) => state.phase === 'connecting')
  }

  setAway(away: boolean): void {
    this.#isAway = away
    for (const way of this.#ways) way.setAway(away)
  }

  retryNow(): void {
    for (const way of this.#ways) way.retryNow()
  }

  /** What is streamed from where the cursor stood cannot be taken any more. */
  readAnew(archive: ArchiveId): void {
    for (const way of this.#ways) if (way.status.archive === archive) way.readAnew()
  }

  documentsChanged(): void {
    for (const way of this.#ways) way.documentsChanged()
  }

  dial(): void {
    if (!this.#isLeft) return
    this.#isLeft = false
    this.#left = []
    const { archives, token } = this.#options.network
    const named = archives.map((address) => this.#wayTo(address, token))
    this.#ways = [...this.#ways, ...named]
    for (const way of named) way.start()
  }

  leave(): void {
    this.leaveRoom()
    if (this.#isLeft) return
    this.#isLeft = true
    this.#left = this.#ways.map(({ status }) => ({ ...status, state: 'offline' }))
    for (const way of this.#ways) this.#leave(way)
    this.#ways = []
  }

  /** Resolves when every goodbye has been said. */
  async left(): Promise<void> {
    await Promise.all(this.#leaving)
  }

  // Archives of the signaller's room ---------------------------------------------------------------

  /** The room names it, and a link to it stands. */
  met({ id, voucher }: NamedNeighbour, link: Link): void {
    if (this.#isLeft) {
      link.close('not wanted')
      return
    }
    const known = this.#roomWayById.get(id)
    if (known !== undefined) {
      known.isLost = false
      if (!known.dial.stands(link, voucher)) known.way.retryNow()
      return
    }
    const dial = new RoomDial(voucher)
    dial.stands(link, voucher)
    // The signaller has asked for the token: its voucher is enough.
    const way = this.#wayTo({ url: `webrtc:${id}`, dial: dial.dial }, undefined)
    this.#roomWayById.set(id, { dial, way, isLost: false })
    this.#ways = [...this.#ways, way]
    way.start()
  }

  /** The signaller names it no more. A link that still answers stays. */
  lost({ id }: NamedNeighbour): void {
    const known = this.#roomWayById.get(id)
    if (known !== undefined) known.isLost = true
    this.#forgetLost()
  }

  /** The room is left. */
  leaveRoom(): void {
    for (const id of this.#roomWayById.keys()) this.#forget(id)
  }

  #forgetLost(): void {
    for (const [id, { way, isLost }] of this.#roomWayById) {
      if (isLost && !way.isLinked) this.#forget(id)
    }
  }

  #forget(id: InstanceId): void {
    const known = this.#roomWayById.get(id)
    if (known === undefined) return
    this.#roomWayById.delete(id)
    this.#ways = this.#ways.filter((way) => way !== known.way)
    this.#leave(known.way)
    known.dial.close()
  }

  // ------------------------------------------------------------------------------------------------

  #wayTo(address: ArchiveAddress, token: Network['token']): ArchiveWay {
    const { instance, store, changed, refused, ...shared } = this.#options
    const way: ArchiveWay = new ArchiveWay({
      ...shared,
      address,
      token,
      identity: () => ({ replica: store.replica, instance }),
      self: instance,
      changed: () => {
        this.#access = way.access ?? this.#access
        this.#forgetLost()
        changed()
      },
      refused: ({ code }) => {
        this.#access = undefined
        refused(code)
      },
    })
    way.setAway(this.#isAway)
    return way
  }

  #leave(way: ArchiveWay): void {
    const closed = way.close().finally(() => this.#leaving.delete(closed))
    this.#leaving.add(closed)
  }
}

interface RoomWay {
  readonly dial: RoomDial
  readonly way: ArchiveWay
  isLost: boolean
}

const neverMet: Omit<ArchiveStatus, 'url'> = {
  archive: undefined,
  state: 'offline',
  seq: undefined,
  head: undefined,
  compacted: undefined,
}
