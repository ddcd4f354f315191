import type { ArchiveId, TermId } from '@holdfast/peer/protocol'
import type { LogFields } from '@holdfast/peer/ports'
import type { StoredLease } from '../leases.js'
import type { LogPolicy } from '../options.js'
import type { Answer } from './rpc.js'
import type { WireError } from './wire-error.js'

/** What a thread of the log gets when it starts. */
export type ThreadData =
  | {
      readonly role: 'writer'
      readonly file: string
      readonly freshArchive: ArchiveId
      readonly term: TermId
      readonly nowMs: number
      readonly policy: LogPolicy
    }
  | {
      readonly role: 'reader'
      readonly file: string
      readonly archive: ArchiveId
      readonly term: TermId
      readonly policy: LogPolicy
    }

/** What it says. First of all whether it could open the file. */
export type FromThread =
  | { readonly opened: OpenedFile }
  | { readonly failed: WireError }
  | { readonly answer: Answer }
  | {
      readonly log: 'error' | 'info' | 'debug'
      readonly message: string
      readonly fields?: LogFields
    }

export interface OpenedFile {
  readonly file: string
  readonly archive: ArchiveId
  readonly storedLeases: readonly StoredLease[]
}
