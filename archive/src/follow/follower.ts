/*
 * Makes this archive a peer of another one: a full copy with numbers of its own, both ways.
 *
 *   which collections?  those in the own log, those that are named, those that the other one lists
 *                       │                                                (asked now and then)
 *                       ▼ each
 *   FollowLedger ◄── ArchiveConnection ──► the other archive
 *
 * The other archive sees a peer like any other. Nothing here is between the two logs and their
 * clients: while the other one is away, or for ever, this one serves as before.
 */
import {
  ArchiveConnection,
  type ArchiveDial,
  type ArchiveState,
  type ArchiveTrouble,
} from '@holdfast/peer/archive-link'
import type { TokenProvider } from '@holdfast/peer'
import { jittered, type Clock, type Logger, type Random, type Undo } from '@holdfast/peer/ports'
import {
  hexOf,
  type ArchiveId,
  type CollectionName,
  type InstanceId,
  type ReplicaId,
} from '@holdfast/peer/protocol'
import type { Commit, Log } from '../log/port.js'
import type { DocumentDigests } from '../node/resync/digests.js'
import { FollowLedger } from './follow-ledger.js'
import type { FollowRecord, FollowRecords } from './records.js'

export interface FollowerOptions {
  readonly log: Log
  readonly digests: DocumentDigests
  readonly records: FollowRecords
  /** This run of the archive. */
  readonly instance: InstanceId
  readonly dial: ArchiveDial
  /** For reading, writing and, where `list` is to work, administering all collections there. */
  readonly token?: TokenProvider | undefined
  /** Followed also where neither log holds them yet. */
  readonly collections?: readonly CollectionName[]
  /** What the other archive holds. Absent, or while it rejects: what is named and held here. */
  readonly list?: ((stop: AbortSignal) => Promise<readonly CollectionName[]>) | undefined
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** How one collection stands with the followed archive. */
export interface FollowedCollection {
  readonly collection: CollectionName
  readonly phase: ArchiveState['phase']
  /** Of the followed archive, once it has answered. */
  readonly archive: ArchiveId | undefined
  /** Everything up to here of its log is in the own one. */
  readonly seq: number
  readonly head: number | undefined
  /** Own entries that went and are not answered. */
  readonly open: number
}

export class Follower {
  readonly #options: FollowerOptions
  readonly #followed = new Map<CollectionName, Followed>()
  #keptByCollection = new Map<CollectionName, FollowRecord[]>()
  #replica: ReplicaId
  #stopListening: Undo = () => {}
  #listing: Undo = () => {}
  #hasComplained = false
  #isClosed = false
  readonly #stop = new AbortController()

  constructor(options: FollowerOptions) {
    this.#options = options
    // The store is the log, so the replica is the archive.
    this.#replica = options.log.archive as string as ReplicaId
  }

  /** Resolves when what was kept is read; links come up by themselves. Rejects when the log fails. */
  async start(): Promise<void> {
    const { log, records, collections = [] } = this.#options
    for (const record of await records.load()) {
      const kept = this.#keptByCollection.get(record.collection)
      if (kept === undefined) this.#keptByCollection.set(record.collection, [record])
      else kept.push(record)
    }
    if (this.#isClosed) return
    this.#stopListening = log.onCommit((commit) => this.#committed(commit))
    for (const collection of collections) this.#follow(collection)
    let after: CollectionName | undefined
    for (;;) {
      const page = await log.collections({ limit: 1_000, ...(after && { after }) })
      for (const collection of page.collections) this.#follow(collection)
      after = page.collections.at(-1)
      if (!page.more || this.#isClosed) break
    }
    void this.#list()
  }

  get collections(): readonly FollowedCollection[] {
    return [...this.#followed].map(([collection, { connection, ledger }]) => {
      const archive = connection?.archive
      const position = archive === undefined ? undefined : ledger?.position(archive)
      return {
        collection,
        phase: connection?.state.phase ?? 'offline',
        archive,
        seq: position?.cursor.seq ?? 0,
        head: connection?.headSeq,
        open: ledger?.openCount ?? 0,
      }
    })
  }

  /** Hangs up. What was learned is kept when it resolves. Idempotent. */
  async close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true
      this.#stopListening()
      this.#listing()
      this.#stop.abort()
      for (const { connection } of this.#followed.values()) connection?.close()
    }
    await this.#options.records.close()
  }

  #committed({ entries }: Commit): void {
    const seqsByCollection = new Map<CollectionName, number[]>()
    for (const { collection, entry } of entries) {
      const seqs = seqsByCollection.get(collection)
      if (seqs === undefined) seqsByCollection.set(collection, [entry.seq])
      else seqs.push(entry.seq)
    }
    for (const [collection, seqs] of seqsByCollection) {
      this.#followed.get(collection)?.ledger?.announced(seqs)
      this.#follow(collection)
    }
  }

  #follow(collection: CollectionName): void {
    if (this.#isClosed || this.#followed.has(collection)) return
    const followed: Followed = { ledger: undefined, connection: undefined }
    this.#followed.set(collection, followed)
    this.#connect(collection, followed).catch((error: unknown) => {
      // Its collection is followed anew with the next entry, or the next time it is listed.
      this.#followed.delete(collection)
      this.#options.logger.error('a collection cannot be followed', {
        collection,
        error: String(error),
      })
    })
  }

  async #connect(collection: CollectionName, followed: Followed): Promise<void> {
    const { clock, random, logger, dial, token, instance } = this.#options
    const kept = this.#keptByCollection.get(collection) ?? []
    this.#keptByCollection.delete(collection)
    const ledger = await FollowLedger.open({ ...this.#options, collection, kept })
    followed.ledger = ledger
    // What was committed while it was opened was told to nobody.
    ledger.announced([await this.#options.log.head(collection)])
    if (this.#isClosed) return
    const connection = new ArchiveConnection({
      collection,
      identity: () => ({ replica: this.#replica, instance }),
      ledger,
      dial,
      token,
      clock,
      random,
      logger,
    })
    connection.onTrouble((trouble) => this.#troubled(collection, connection, trouble))
    followed.connection = connection
    connection.start()
  }

  #troubled(
    collection: CollectionName,
    connection: ArchiveConnection,
    trouble: ArchiveTrouble,
  ): void {
    const { logger, random } = this.#options
    if (trouble.kind === 'replica-in-use') {
      // A copy of this log's file is being served somewhere, and follows the same archive.
      logger.error('another archive has the id of this one, and follows the same', { collection })
      this.#replica = hexOf(random.bytes(16)) as ReplicaId
      connection.retryNow()
      return
    }
    const detail = 'cause' in trouble ? { cause: String(trouble.cause) } : {}
    logger.error('trouble with the followed archive', {
      collection,
      trouble: trouble.kind,
      ...('code' in trouble ? { code: trouble.code } : {}),
      ...('reason' in trouble ? { reason: trouble.reason } : {}),
      ...detail,
    })
  }

  async #list(): Promise<void> {
    const { list, clock, random, logger } = this.#options
    if (list === undefined || this.#isClosed) return
    try {
      for (const collection of await list(this.#stop.signal)) {
        // What it names today and not tomorrow is followed on: names cost it nothing.
        if (this.#followed.size < maxFollowed) this.#follow(collection)
        else if (!this.#followed.has(collection)) throw new Error(`more than ${maxFollowed}`)
      }
      this.#hasComplained = false
    } catch (error) {
      if (this.#stop.signal.aborted) return
      // Said once for each time that it stops working: it is asked all the time.
      if (!this.#hasComplained) {
        logger.error('the followed archive does not list its collections', { error: String(error) })
      }
      this.#hasComplained = true
    }
    if (this.#isClosed) return
    this.#listing = clock.after(jittered(random, listEveryMs), () => void this.#list())
  }
}

interface Followed {
  ledger: FollowLedger | undefined
  connection: ArchiveConnection | undefined
}

/** A collection that is new over there is followed after so long. Cheap: names alone. */
const listEveryMs = 5_000
/** By the other archive's word. Each is a link of its own. */
const maxFollowed = 10_000
