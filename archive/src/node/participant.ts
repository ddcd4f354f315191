import type { Channel } from '@holdfast/peer'
import type {
  Access,
  DocumentRef,
  ErrorCode,
  InstanceId,
  Message,
  MessageOf,
  MessageType,
} from '@holdfast/peer/protocol'
import type { NodeContext } from './context.js'

export type SessionState = 'hello' | 'proven' | 'subscribed' | 'closing'

/** What else an `error` says. */
export interface FaultDetails {
  readonly request?: number
  readonly document?: DocumentRef
  readonly retryAfterMs?: number
  /** Not the other side's doing: it does not count towards the end of the link. */
  readonly isOurs?: boolean
}

/** One who has proved who it is, as the parts that serve it see it. */
export interface Participant {
  readonly context: NodeContext
  readonly channel: Channel
  readonly state: SessionState
  readonly instance: InstanceId
  /** Undefined: it has ended, and may be renewed. */
  readonly access: Access | undefined
  /** The longest message that it takes. */
  readonly maxMessageBytes: number
  /** False: it was not taken. Whoever does not take in small messages is closed. */
  send(message: Message): boolean
  /** Answers what makes no sense, or cannot be done, with a code. */
  fault(code: ErrorCode, about: MessageType, details?: FaultDetails): void
  /** The log rejected a call that was made for this session. */
  storageFailed(error: unknown, about: MessageType, request?: number): void
  tellCommitted(results: MessageOf<'committed'>['results']): void
  /** An administrator has accepted this reader's offer of a document. */
  mayUpload(document: DocumentRef): boolean
  close(code?: ErrorCode, retryAfterMs?: number): void
}
