/**
 * What tabs of one app say to each other, as it is posted: structured clones, no bytes of a protocol.
 * They are of one origin and trust each other; what is guarded against is another version.
 *
 *   to all      who · owner · settling · leaving · yield                   these never change
 *   on a line   follower: join, collections, documents, edits, questions   of one version
 *               owner: welcome, rows, saved, states, answers
 */
import type { DocumentRef, InstanceId, Message, OpId, ReplicaId } from '@holdfast/peer/protocol'
import type {
  CollectionStatus,
  DocumentInfo,
  DocumentState,
  KeptEdit,
  LinkInfo,
  StorageStatus,
  Traffic,
  Way,
} from '../api.js'
import type { TabEdit } from '../replica/taking-from-tabs.js'
import { ClientError, type ClientErrorCode } from '../errors.js'
import type { ErrorCode } from '@holdfast/peer/protocol'

/** Raised with each change of the words on a line, and of what they mean. */
export const tabsVersion = 2

/** To every tab of the store. Never changed: tabs of any two versions understand them. */
export type Call =
  /** Is there an owner? */
  | 'who'
  /** I own the store, and whoever wants may join. */
  | 'owner'
  /** I have the lock, and am not ready yet. */
  | 'settling'
  /** I own the store no more. */
  | 'leaving'
  /** I am newer than you: leave the store to me. */
  | 'yield'

/** What a follower says. */
export type FollowerWord =
  | { readonly what: 'join'; readonly instance: InstanceId }
  | { readonly what: 'open' | 'shut'; readonly collection: string }
  | {
      readonly what: 'attach'
      readonly collection: string
      readonly document: string
      /** Absent: the one that lives. */
      readonly generation: number | undefined
      /** Answers to an earlier one of the same document are told apart by it. */
      readonly attempt: number
      readonly edits: readonly TabEdit[]
      readonly stateVector: Uint8Array
    }
  | { readonly what: 'detach'; readonly collection: string; readonly document: string }
  | { readonly what: 'edits'; readonly collection: string; readonly edits: readonly TabEdit[] }
  | { readonly what: 'presence'; readonly collection: string; readonly message: Message }
  | { readonly what: 'traffic'; readonly collection: string; readonly isWanted: boolean }
  | { readonly what: 'ask'; readonly id: number; readonly question: Question }
  | { readonly what: 'way'; readonly way: Way | undefined; readonly isWanted: boolean }
  | { readonly what: 'retry' }
  | { readonly what: 'ping' }

export type Question =
  | { readonly kind: 'list'; readonly collection: string }
  | {
      readonly kind: 'delete'
      readonly collection: string
      readonly document: string
      /** Deleting is asked again when the owner changes: what has ended already is not ended twice. */
      readonly generation: number | undefined
    }
  | { readonly kind: 'kept'; readonly collection: string }
  | {
      readonly kind: 'discard'
      readonly collection: string
      readonly kept: readonly KeptEdit[]
    }
  | {
      readonly kind: 'archived'
      readonly collection: string
      readonly document: string | undefined
    }

/** What the owner says to one follower. */
export type OwnerWord =
  | {
      readonly what: 'welcome'
      readonly replica: ReplicaId
      readonly instance: InstanceId
      readonly storage: PostedStorage
    }
  | {
      readonly what: 'opened'
      readonly collection: string
      readonly status: CollectionStatus
      readonly links: readonly LinkInfo[]
      readonly isSynced: boolean
    }
  | {
      readonly what: 'attached'
      readonly collection: string
      readonly document: DocumentRef
      readonly attempt: number
      readonly state: DocumentState
      /** What the follower lacks, with all deletions. Absent: nothing of this generation is here. */
      readonly difference: Uint8Array | undefined
      readonly stateVector: Uint8Array | undefined
    }
  /** It could not be read: to be asked for again, later. */
  | {
      readonly what: 'unattached'
      readonly collection: string
      readonly document: string
      readonly attempt: number
    }
  | {
      readonly what: 'row'
      readonly collection: string
      readonly document: DocumentRef
      readonly bytes: Uint8Array
    }
  | {
      readonly what: 'state'
      readonly collection: string
      readonly document: DocumentRef
      readonly state: DocumentState
    }
  /** What is held of it has to be read anew. */
  | { readonly what: 'replaced'; readonly collection: string; readonly document: DocumentRef }
  /** These are durable, and counted in what is told with it. */
  | {
      readonly what: 'saved'
      readonly collection: string
      readonly ops: readonly OpId[]
      readonly states: readonly { readonly document: DocumentRef; readonly state: DocumentState }[]
      readonly status: CollectionStatus
    }
  | { readonly what: 'list'; readonly collection: string }
  | { readonly what: 'traffic'; readonly collection: string; readonly traffic: Traffic }
  | { readonly what: 'presence'; readonly collection: string; readonly message: Message }
  | { readonly what: 'storage'; readonly storage: PostedStorage }
  | { readonly what: 'error'; readonly error: PostedError }
  | { readonly what: 'answer'; readonly id: number; readonly answer: Answer }
  | { readonly what: 'pong' }

export type Answer =
  | { readonly kind: 'list'; readonly list: readonly DocumentInfo[] }
  | { readonly kind: 'kept'; readonly kept: readonly KeptEdit[] }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly error: PostedError }

/** An error loses its class on the way. */
export interface PostedError {
  readonly code: ClientErrorCode
  readonly message: string
  readonly wireCode: ErrorCode | undefined
}

export interface PostedStorage extends Omit<StorageStatus, 'failing'> {
  readonly failing: PostedError | undefined
}

export function postedError(error: unknown): PostedError {
  if (error instanceof ClientError) {
    const { code, message, wireCode } = error
    return { code, message, wireCode }
  }
  const message = error instanceof Error ? error.message : String(error)
  return { code: 'internal', message, wireCode: undefined }
}

export function errorOf({ code, message, wireCode }: PostedError): ClientError {
  return new ClientError(code, message, wireCode === undefined ? {} : { wireCode })
}

export function postedStorage({ isDurable, kind, failing }: StorageStatus): PostedStorage {
  return { isDurable, kind, failing: failing && postedError(failing) }
}

export function storageOf({ isDurable, kind, failing }: PostedStorage): StorageStatus {
  return { isDurable, kind, failing: failing && errorOf(failing) }
}

/** As it travels. The envelope never changes. */
export interface Posted {
  readonly holdfast: 'tabs'
  readonly version: number
  readonly from: string
  /** Absent: to all. */
  readonly to?: string
  readonly call?: Call
  readonly line?: LineWord
}

export interface LineWord {
  /** Made by the follower. */
  readonly name: string
  /** From 0 up on each line and in each direction: what is missing shows. */
  readonly n: number
  /** Absent: the sender knows this line no more. */
  readonly word?: unknown
}

/** Undefined for what is none of ours: others may use a channel of this name. */
export function parsePosted(data: unknown): Posted | undefined {
  if (typeof data !== 'object' || data === null) return undefined
  const { holdfast, version, from, to, call, line } = data as Readonly<Record<string, unknown>>
  if (holdfast !== 'tabs' || typeof version !== 'number' || typeof from !== 'string') {
    return undefined
  }
  if (to !== undefined && typeof to !== 'string') return undefined
  const posted = { holdfast, version, from, ...(to === undefined ? {} : { to }) } as const
  if (typeof call === 'string') return { ...posted, call: call as Call }
  if (typeof line !== 'object' || line === null) return undefined
  const { name, n, word } = line as Readonly<Record<string, unknown>>
  if (typeof name !== 'string' || typeof n !== 'number') return undefined
  return { ...posted, line: { name, n, word } }
}
