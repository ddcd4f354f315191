/**
 * Puts pages of another archive's log into the own one. What they hold becomes entries with numbers
 * of its own where it is new; what is there already makes none. So a page may be taken twice, and it
 * does not matter by which way an op came first.
 */
import type { FetchedEntry, PageOutcome, TakenPage } from '@holdfast/peer/archive-link'
import type { Logger } from '@holdfast/peer/ports'
import {
  nextAfter,
  type CollectionName,
  type DocumentRef,
  type Entry,
  type ErrorCode,
} from '@holdfast/peer/protocol'
import type { AppendOp, Log } from '../log/port.js'
import type { DocumentDigests } from '../node/resync/digests.js'

export interface TakingOptions {
  readonly log: Log
  readonly digests: DocumentDigests
  readonly collection: CollectionName
  readonly logger: Logger
  /** The own row that this hash names, if it is known. */
  readonly seqOf: (hash: string) => number | undefined
}

export interface Taken {
  /** Own entries that came from the other archive, or that it says to hold as well. */
  readonly came: readonly number[]
  /** Not taken: these have to be fetched first. */
  readonly needs?: Extract<PageOutcome, { kind: 'needs' }>['entries']
  /** Something that the other log holds was not taken in: the two have to compare. */
  readonly isLacking: boolean
}

export class Taking {
  readonly #options: TakingOptions

  constructor(options: TakingOptions) {
    this.#options = options
  }

  /** Rejects when the log fails: then the page is to be taken again. */
  async take({ entries, fetched }: TakenPage): Promise<Taken> {
    const came: number[] = []
    const contents: Content[] = []
    const needs: Need[] = []
    for (const entry of entries) {
      const content = fetched.get(entry.seq) ?? entry
      if (content.kind === 'large-snapshot') needs.push(await this.#needOf(entry.seq, content))
      else if (content.kind === 'place') {
        const seq = this.#options.seqOf(content.hash)
        if (seq === undefined) needs.push({ seq: entry.seq })
        else came.push(seq)
      } else contents.push(content)
    }
    if (needs.length > 0) return { needs, came: [], isLacking: false }
    let isLacking = false
    let run: AppendOp[] = []
    const append = async (): Promise<void> => {
      if (!(await this.#append(run, came))) isLacking = true
      run = []
    }
    for (const content of contents) {
      const { document } = content
      const generationBefore = document.generation - 1
      if (content.kind === 'tombstone') {
        await append()
        came.push(...(await this.end(document)))
        continue
      }
      // Who speaks of a generation says by it that those before have ended.
      if (generationBefore >= 0 && (await this.#isAlive(document.id, generationBefore))) {
        await append()
        came.push(...(await this.end({ id: document.id, generation: generationBefore })))
      }
      run.push(...this.#opsOf(content))
    }
    await append()
    return { came, isLacking }
  }

  /** As uploads of one document. What it refuses for good is reported. Gives the new entries. */
  async receive(document: DocumentRef, updates: readonly Uint8Array[]): Promise<readonly number[]> {
    const { collection } = this.#options
    const came: number[] = []
    await this.#append(
      updates.map((bytes) => ({ collection, document, kind: 'upload', bytes })),
      came,
    )
    return came
  }

  /** Gives the new entry, if it is one. */
  async end(document: DocumentRef): Promise<readonly number[]> {
    const { log, collection, logger } = this.#options
    const outcome = await log.delete(collection, document)
    if (outcome.status === 'refused') {
      logger.error('a deletion of the followed archive was refused', { ...outcome.refusal })
    } else if (outcome.added) return [outcome.seq]
    return []
  }

  /** False: some of it was not taken in. */
  async #append(ops: readonly AppendOp[], came: number[]): Promise<boolean> {
    if (ops.length === 0) return true
    const { log } = this.#options
    const outcomes = await log.append(ops)
    // What the other log holds is to be held here, whoever wrote it: uploads are not judged by that.
    const again: AppendOp[] = []
    let isWhole = true
    for (const [at, op] of ops.entries()) {
      const outcome = outcomes[at]
      if (outcome?.status === 'committed') {
        if (outcome.added) came.push(outcome.seq)
        continue
      }
      const code = outcome?.refusal.code ?? 'internal'
      if (code === 'rekey' && op.kind === 'live') again.push({ ...op, kind: 'upload' })
      else if (!this.#mayPass(code, op)) isWhole = false
    }
    return (await this.#append(again, came)) && isWhole
  }

  /** Whether nothing is lacking without it. */
  #mayPass(code: ErrorCode, { document }: AppendOp): boolean {
    // Deleted here, and there as well as soon as it has heard of it.
    if (code === 'document-deleted') return true
    if (nextAfter(code) === 'retry' && code !== 'predecessors-first') throw new NotNow(code)
    this.#options.logger.error('an entry of the followed archive is not taken in', {
      code,
      document: document.id,
      collection: this.#options.collection,
    })
    return false
  }

  #opsOf(content: Exclude<Content, { kind: 'tombstone' }>): readonly AppendOp[] {
    const { collection } = this.#options
    const { document, bytes } = content
    if (content.kind !== 'row') {
      return [bytes, ...content.parked].map((update) => ({
        collection,
        document,
        kind: 'upload',
        bytes: update,
      }))
    }
    const { op } = content
    return op === undefined
      ? [{ collection, document, kind: 'upload', bytes }]
      : [{ collection, document, kind: 'live', id: op, bytes }]
  }

  async #isAlive(id: DocumentRef['id'], generation: number): Promise<boolean> {
    const latest = await this.#options.log.latest(this.#options.collection, id)
    if (latest === undefined || latest.document.generation > generation) return false
    return latest.document.generation < generation || !latest.deleted
  }

  async #needOf(seq: number, { document }: { readonly document: DocumentRef }): Promise<Need> {
    const { log, digests, collection } = this.#options
    const latest = await log.latest(collection, document.id)
    const isHeld = latest?.document.generation === document.generation && !latest.deleted
    if (!isHeld) return { seq }
    const { stateVector } = await digests.of(collection, latest)
    return { seq, difference: { document, stateVector } }
  }
}

/** The own log cannot take something just now. */
class NotNow extends Error {
  constructor(code: ErrorCode) {
    super(`the log takes nothing now: ${code}`)
  }
}

type Need = Extract<PageOutcome, { kind: 'needs' }>['entries'][number]
type Content =
  | Exclude<FetchedEntry, { kind: 'place' | 'large-snapshot' }>
  | Extract<Entry, { kind: 'row' | 'snapshot' | 'tombstone' }>
