import type { AppendOutcome, DeleteOutcome, GapChange, Page, ReadRequest } from '../port.js'
import type { ArchiveId, TermId } from '@holdfast/peer/protocol'
import type { Logger } from '@holdfast/peer/ports'
import type { StoredLease } from '../leases.js'
import type { LogPolicy } from '../options.js'
import type { GroupItem } from './append.js'
import type { Engine } from './engine.js'
import type { ReaderCalls } from './reader-calls.js'

/*
 * Where a log's halves run. In production each has a thread of its own, so that an fsync, a large
 * document or a slow disk never holds up the network; in tests they run in the caller's thread,
 * where every statement can be made to fail.
 */

export interface Hosts {
  openWriter(options: OpenWriter): Promise<WriterHost>
  openReader(options: OpenReader): Promise<ReaderHost>
}

export interface OpenWriter {
  readonly file: string
  readonly freshArchive: ArchiveId
  readonly term: TermId
  readonly nowMs: number
  readonly policy: LogPolicy
  readonly logger: Logger
  /** It has ended by itself: nothing that is asked of it from now on will be answered. */
  readonly onEnd: (error: Error) => void
}

export interface OpenReader {
  readonly file: string
  readonly archive: ArchiveId
  readonly term: TermId
  readonly policy: LogPolicy
}

/** What a group came to, and its bytes, which belong to whoever gets them. */
export interface WrittenGroup {
  readonly outcomes: readonly (AppendOutcome | DeleteOutcome)[]
  readonly gaps: readonly GapChange[]
  /** Pages in the write-ahead log, after this group, that are not in the file yet. */
  readonly walPages: number
  /** Of the item at this position; empty for deletions. */
  bytesOf(position: number): Uint8Array
}

/** What can be called besides `append`: the engine's own methods, with the engine's own types. */
type WriterMethod =
  | 'checkpoint'
  | 'publish'
  | 'retire'
  | 'settle'
  | 'failed'
  | 'quarantine'
  | 'heal'
  | 'suspect'
  | 'saveLeases'
  | 'tidy'
  | 'sums'

export interface WriterHost {
  /** Of the file: not where it is, but what is in it. */
  readonly archive: ArchiveId
  /** The file's one name. */
  readonly file: string
  readonly storedLeases: readonly StoredLease[]
  append(items: readonly GroupItem[], nowMs: number): Promise<WrittenGroup>
  call<Method extends WriterMethod>(
    method: Method,
    ...args: Parameters<Engine[Method]>
  ): Promise<ReturnType<Engine[Method]>>
  /** After what was asked before has been answered. */
  close(): Promise<void>
}

type ReaderMethod = keyof ReaderCalls

export interface ReaderHost {
  readPage(request: ReadRequest, skipDamaged: boolean): Promise<Page>
  call<Method extends ReaderMethod>(
    method: Method,
    ...args: Parameters<ReaderCalls[Method]>
  ): Promise<ReturnType<ReaderCalls[Method]>>
  close(): Promise<void>
}
