import {
  accept,
  frameBounds,
  messageBounds,
  protocolVersion,
  refuse,
  versionOfLink,
  type Access,
  type CollectionName,
  type Credential,
  type Cursor,
  type InstanceId,
  type MessageOf,
  type Parsed,
  type ReplicaId,
} from '../protocol/index.js'

/** Who this participant is, in every link of a collection. */
export interface Self {
  readonly replica: ReplicaId
  readonly instance: InstanceId
  readonly collection: CollectionName
  /** What its own token gives it. A reader's edits and forwards would be refused: it sends none. */
  readonly access: Access
}

/** What is known of the one at the other end before it has said a word. */
export interface Expected {
  /** What the signaller says that it may do here. */
  readonly access: Access
  /** Whom the signaller announced; undefined: anybody. */
  readonly instance?: InstanceId
  /** The secret of this link, where the signaller gave one: told, and asked for. */
  readonly voucher?: string
}

export function helloOf(
  self: Self,
  expected: Expected,
  cursor: Cursor | undefined,
): MessageOf<'hello'> {
  const credential: Credential =
    expected.voucher === undefined
      ? { kind: 'none' }
      : { kind: 'voucher', voucher: expected.voucher }
  return {
    type: 'hello',
    version: protocolVersion,
    sender: { role: 'peer', replica: self.replica },
    instance: self.instance,
    collection: self.collection,
    credential,
    maxFrameBytes: frameBounds.maxBytes,
    maxMessageBytes: messageBounds.maxBytes,
    cursors: cursor === undefined ? [] : [cursor],
  }
}

/** Whether the one who says this may go on. */
export function checkHello(
  hello: MessageOf<'hello'>,
  self: Self,
  expected: Expected,
): Parsed<MessageOf<'hello'>> {
  const version = versionOfLink(hello.version)
  if (!version.ok) return version
  if (hello.sender.role !== 'peer') return refuse('unexpected-message', 'hello: not from a peer')
  if (hello.collection !== self.collection) return refuse('forbidden', 'hello: another collection')
  if (hello.instance === self.instance) return refuse('replica-in-use', 'hello: from ourselves')
  if (expected.instance !== undefined && hello.instance !== expected.instance) {
    return refuse('unauthenticated', 'hello: not from the one who was announced')
  }
  if (expected.voucher !== undefined) {
    const { credential } = hello
    if (credential.kind !== 'voucher' || credential.voucher !== expected.voucher) {
      return refuse('unauthenticated', 'hello: without the secret of this link')
    }
  }
  return accept(hello)
}
