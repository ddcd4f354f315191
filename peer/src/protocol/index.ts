export { errorCodeOf, errorCodes, nextAfter, type ErrorCode, type Next } from './codes.js'
export {
  bytesOfHex,
  hexOf,
  idBytes,
  maxCollectionNameBytes,
  maxDocumentIdBytes,
  parseArchiveId,
  parseCollectionName,
  parseDocumentId,
  parseInstanceId,
  parseReplicaId,
  parseTermId,
  type ArchiveId,
  type CollectionName,
  type Cursor,
  type DocumentId,
  type DocumentRef,
  type InstanceId,
  type OpId,
  type ReplicaId,
  type TermId,
} from './ids.js'
export { accept, refuse, type Parsed, type Refusal, type Refused } from './parsed.js'
