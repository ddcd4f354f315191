/**
 * Somebody at the archive who writes down what it has committed, and looks whether it is there: the
 * log is read as a client reads it, as snapshots and the rows behind them.
 */
import type { Commit, Log } from '@holdfast/archive'
import type { Document } from '@holdfast/client'
import type { Coverage, DocumentRef } from '@holdfast/peer/protocol'
import * as Y from 'yjs'
import { Reader } from '../../contract/log/reader.js'
import { docOf } from '../../contract/log/writer.js'
import { coverageOf, coverageOfAll } from '../log/model.js'
import { collection, type Running } from './system-device.js'

export class ArchiveWitness {
  /** Of the disk that is in the machine, in order. */
  #entries: readonly Witnessed[] = []
  readonly #seqs = new Set<string>()
  #isTouched = true
  failure: string | undefined
  commits = 0

  watch(log: Log): void {
    this.#isTouched = true
    log.onCommit((commit) => this.#committed(log, commit))
  }

  /** What a copy of the disk contains, made at this moment. */
  get entries(): readonly Witnessed[] {
    return this.#entries
  }

  /** Another disk is in the machine. */
  exchanged(entries: readonly Witnessed[]): void {
    this.#entries = entries
    this.#isTouched = true
  }

  /** Rows have gone, or something may have happened to them. */
  touch(): void {
    this.#isTouched = true
  }

  /** [I1] [I2] [I3] [I4] [I7] What was committed is there, and is read by whoever starts at 0. */
  async check(log: Log, maxEntries: number): Promise<void> {
    if (this.failure !== undefined) throw new Error(this.failure)
    const head = await log.head(collection)
    for (const { sent, ack } of await log.leases.list(collection)) {
      if (ack > sent || sent > head) throw new Error(`ack ${ack}, sent ${sent}, head ${head}`)
    }
    if (!this.#isTouched) return
    this.#isTouched = false
    const last = this.#entries.at(-1)?.seq ?? 0
    if (head < last) throw new Error(`${last} was committed, and the head is ${head}`)
    const whole = new Reader(collection)
    await whole.readAll(log, { maxEntries })
    const { documents } = await log.documents({ collection, limit: 1_000 })
    for (const { document, deleted, lastSeq, prunedThrough, snapshotBytes } of documents) {
      if (deleted) continue
      if (prunedThrough > lastSeq || (prunedThrough > 0 && snapshotBytes === 0)) {
        throw new Error(`${document.id} is pruned through ${prunedThrough} without a snapshot`)
      }
      const owed = this.#entries.filter((entry) => isOf(entry, document))
      checkHolds(owed, whole.updatesOf(document), 'the archive')
    }
  }

  /** [I5] [I6] What stands at or below a cursor is with the device whose cursor it is. */
  async checkCursor(
    log: Log,
    { replica, documents, store }: Running,
    who: string,
  ): Promise<boolean> {
    const cursor = store.cursor(log.archive)
    if (cursor === undefined) return false
    const { archive } = log
    const { term, seq, isWhole } = cursor
    // Said to be good for nothing but a resync.
    if (!isWhole && term !== log.term) return false
    const { standing } = await log.locate(collection, { archive, term, seq })
    if (standing !== 'behind' && standing !== 'at-head') return false
    const listed = await log.documents({ collection, limit: 1_000 })
    for (const { document, deleted, prunedThrough } of listed.documents) {
      // Its snapshot stands further on.
      if (deleted || prunedThrough > seq) continue
      const owed = this.#entries.filter((entry) => entry.seq <= seq && isOf(entry, document))
      // With what waits for a predecessor, and what was set aside.
      const stored = store.partsOf(document)
      if (stored !== undefined) checkHolds(owed, stored, `the store of ${who} at ${seq}`)
      const open = documents.get(document.id)
      if (open === undefined || !isAllShown(replica, open, document)) continue
      const shownThrough = replica.ledger.position(archive)?.cursor.seq ?? 0
      const shown = owed.filter((entry) => entry.seq <= shownThrough)
      checkHolds(shown, [Y.encodeStateAsUpdate(open.ydoc)], `${who} at ${shownThrough}`)
    }
    return true
  }

  #committed(log: Log, { term, entries }: Commit): void {
    this.#isTouched = true
    this.commits++
    const fresh: Witnessed[] = []
    for (const { entry } of entries) {
      const last = fresh.at(-1)?.seq ?? this.#entries.at(-1)?.seq ?? 0
      const place = `${log.archive} ${term} ${entry.seq}`
      if (entry.seq <= last) this.failure = `seq ${entry.seq} was given out after ${last}`
      if (this.#seqs.has(place)) this.failure = `seq ${entry.seq} was given out twice in a term`
      this.#seqs.add(place)
      const coverage = entry.kind === 'row' ? coverageOf(entry.bytes) : undefined
      fresh.push({ seq: entry.seq, document: entry.document, coverage })
    }
    this.#entries = [...this.#entries, ...fresh]
  }
}

export interface Witnessed {
  readonly seq: number
  readonly document: DocumentRef
  /** Absent: the document ended here. */
  readonly coverage: Coverage | undefined
}

/** A Y.Doc shows nothing of what waits for a predecessor: that is in the store alone. */
function isAllShown(
  replica: Running['replica'],
  { state, ydoc }: Document,
  document: DocumentRef,
): boolean {
  const living = replica.documents.holding(document.id)?.document.generation ?? 0
  if (state.isDeleted || living !== document.generation) return false
  return ydoc.store.pendingStructs === null && !replica.stateOf(document).isGapped
}

function isOf(entry: Witnessed, { id, generation }: DocumentRef): boolean {
  return entry.document.id === id && entry.document.generation === generation
}

function checkHolds(owed: readonly Witnessed[], updates: readonly Uint8Array[], who: string): void {
  const held = coverageOfAll(updates)
  const lacks = ({ coverage }: Witnessed): boolean =>
    coverage !== undefined && !held.contains(coverage)
  if (!owed.some(lacks)) return
  // Two who set one key at once: Yjs deletes what loses, and an upload may be the first to say so.
  held.add(coverageOf(Y.encodeStateAsUpdate(docOf(updates))))
  const lacking = owed.find(lacks)
  if (lacking !== undefined) {
    throw new Error(`${who} lacks what was committed at ${lacking.document.id}@${lacking.seq}`)
  }
}
