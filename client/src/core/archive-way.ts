/** One archive of a collection: the connection, what it shows of others, and how it stands. */
import type { Presence } from '@holdfast/peer'
import type { Clock, Logger, Random } from '@holdfast/peer/ports'
import type {
  Access,
  ArchiveId,
  CollectionName,
  DocumentRef,
  InstanceId,
} from '@holdfast/peer/protocol'
import type { ArchiveStatus, LinkInfo, Progress } from '../api.js'
import {
  ArchiveConnection,
  type ArchiveIdentity,
  type ArchiveState,
  type ArchiveTrouble,
  type Reach,
} from '../archive/index.js'
import type { ArchiveLedger } from '../replica/port.js'
import { ArchivePresence } from './archive-presence.js'
import type { ArchiveAddress, Network } from './network.js'

export interface ArchiveWayOptions {
  readonly name: CollectionName
  readonly address: ArchiveAddress
  readonly token: Network['token']
  readonly identity: () => ArchiveIdentity
  readonly ledger: ArchiveLedger
  readonly reach: Reach
  readonly presence: Presence
  readonly self: InstanceId
  /** Those that are open here. */
  readonly documents: () => readonly DocumentRef[]
  /** Another tab of this app: what it shows goes over this link. */
  readonly isTab: (instance: InstanceId) => boolean
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** How it stands has changed. */
  readonly changed: () => void
  readonly refused: (state: Extract<ArchiveState, { phase: 'refused' }>) => void
  /** It and this replica are about to be compared: what it has said to have is in doubt. */
  readonly doubted: (archive: ArchiveId) => void
  readonly trouble: (trouble: ArchiveTrouble, way: ArchiveWay) => void
}

export class ArchiveWay {
  readonly #options: ArchiveWayOptions
  readonly #connection: ArchiveConnection
  readonly #presence: ArchivePresence
  #compacted: ArchiveStatus['compacted']
  /** What the log still sends is all that there is: this replica stood at its beginning. */
  #isFirstLoad = false
  /** Where this replica stood when the reading began. */
  #fromSeq = 0

  constructor(options: ArchiveWayOptions) {
    const { name, address, token, identity, ledger, reach, presence, self, documents } = options
    const { clock, random, logger } = options
    this.#options = options
    this.#connection = new ArchiveConnection({
      collection: name,
      identity,
      ledger,
      dial: address.dial,
      reach,
      clock,
      random,
      logger,
      ...(token === undefined ? {} : { token }),
    })
    this.#presence = new ArchivePresence(this.#connection, presence, self, documents, options.isTab)
    const { changed, refused, doubted, trouble } = options
    this.#connection.onState((state) => {
      const { archive } = this.#connection
      if (state.phase === 'catching-up' && archive !== undefined) {
        const position = ledger.position(archive)
        this.#isFirstLoad = position?.isWhole !== true
        this.#fromSeq = position?.cursor.seq ?? 0
      }
      if (state.phase === 'resyncing' && archive !== undefined) doubted(archive)
      this.#presence.stateChanged()
      if (state.phase === 'refused') refused(state)
      changed()
    })
    this.#connection.onProgress(changed)
    this.#connection.onTrouble((one) => trouble(one, this))
    this.#connection.onCompacted(({ document, removed }) => {
      this.#compacted = { document: document.id, removed }
      changed()
    })
  }

  start(): void {
    this.#presence.documentsChanged()
    this.#connection.start()
  }

  get state(): ArchiveState {
    return this.#connection.state
  }

  /** A link stands, and the archive has let this replica in. */
  get isLinked(): boolean {
    const { phase } = this.state
    return phase === 'resyncing' || phase === 'catching-up' || phase === 'live'
  }

  get access(): Access | undefined {
    return this.#connection.access
  }

  get status(): ArchiveStatus {
    const { archive, headSeq } = this.#connection
    const { phase } = this.state
    return {
      url: this.#options.address.url,
      archive,
      state: phase === 'closed' ? 'offline' : phase,
      seq: archive === undefined ? undefined : this.#options.ledger.position(archive)?.cursor.seq,
      head: headSeq,
      compacted: this.#compacted,
    }
  }

  get progress(): Progress | undefined {
    const { download, upload, recovery } = this.#connection.progress
    if (recovery !== undefined) {
      return { what: 'recovery', unit: 'documents', done: recovery.done, total: recovery.total }
    }
    const what = this.#isFirstLoad ? 'first-load' : 'catch-up'
    if (download !== undefined) {
      return { what, unit: 'bytes', done: download.doneBytes, total: download.totalBytes }
    }
    const { state, seq = 0, head = 0 } = this.status
    if (state === 'catching-up' && head > seq) {
      const from = Math.min(this.#fromSeq, seq)
      return { what, unit: 'entries', done: seq - from, total: head - from }
    }
    if (upload === undefined) return undefined
    return { what: 'upload', unit: 'bytes', done: upload.doneBytes, total: upload.totalBytes }
  }

  /** Undefined: no link stands. */
  get link(): LinkInfo | undefined {
    const { channel, archive } = this.#connection
    if (channel === undefined || archive === undefined || !this.isLinked) return undefined
    const { path, roundTripMs, sentBytes, receivedBytes } = channel.stats()
    const isSynced = this.state.phase === 'live'
    return { kind: 'archive', id: archive, path, isSynced, roundTripMs, sentBytes, receivedBytes }
  }

  documentsChanged(): void {
    this.#presence.documentsChanged()
  }

  setAway(away: boolean): void {
    this.#connection.setAway(away)
  }

  retryNow(): void {
    this.#connection.retryNow()
  }

  /** The cursor was set back: what comes from where it stood cannot be taken. It comes back by itself. */
  readAnew(): void {
    this.#connection.channel?.abort('the log is read from its start again')
  }

  /** Says goodbye. Resolves when what was queued has left, in five seconds at most. Once. */
  async close(): Promise<void> {
    this.#presence.close()
    const { channel } = this.#connection
    if (channel === undefined) {
      this.#connection.close()
      return
    }
    const gone = new Promise<void>((resolve) => channel.onClose(() => resolve()))
    const haveMet = this.isLinked
    this.#connection.close()
    // Before the two have met there is nothing to say.
    if (!haveMet) channel.abort('closed before the two had met')
    await gone
  }
}
