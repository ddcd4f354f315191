export type { Credential, Grant, Held } from './fields.js'
export { hashedOfDocumentId, hashedOfOp, hashedOfTreeNode } from './hashed.js'
export {
  copyOf,
  encodeMessage,
  laneOf,
  messageKinds,
  messageTypeOf,
  parseMessage,
  type Lane,
  type Message,
  type MessageKind,
  type MessageOf,
  type MessageType,
} from './message.js'
export { explainMessage, fieldsOf, vocabulary, type Explained } from './explain.js'
export type { Entry, Page } from './page.js'
export type { LaneRule, Speaker } from './table.js'
