import type {
  ArchiveId,
  CollectionName,
  Cursor,
  Digest,
  DocumentId,
  DocumentRef,
  InstanceId,
  Message,
  MessageOf,
  MessageType,
  OpHash,
  ReplicaId,
  TermId,
} from '@holdfast/peer/protocol'

/** A message, and in one line what is going on. docs/PROTOCOL.md shows each of them in bytes. */
interface Example<Type extends MessageType = MessageType> {
  readonly story: string
  readonly message: MessageOf<Type>
}

type Examples = { readonly [Type in MessageType]: readonly [Example<Type>, ...Example<Type>[]] }

// Ids that are easy to find again in bytes.
const replica = 'a1'.repeat(16) as ReplicaId
const instance = 'b1'.repeat(16) as InstanceId
const other = 'b2'.repeat(16) as InstanceId
const archive = 'c1'.repeat(16) as ArchiveId
const term = 'd1'.repeat(16) as TermId
const digest = 'e1'.repeat(32) as Digest
const hash = 'f1'.repeat(8) as OpHash
const collection = 'notes' as CollectionName
const note: DocumentRef = { id: 'note-1' as DocumentId, generation: 0 }
const list: DocumentRef = { id: 'list' as DocumentId, generation: 2 }
const cursor: Cursor = { archive, term, seq: 1_041 }

/** A Yjs update: client 7 inserts "h" into the text "body" (V1). */
const keystroke = bytes('01 01 07 00 04 01 04 62 6f 64 79 01 68 00')
/** Client 7 has one struct; client 9 has 300. */
const stateVector = bytes('02 09 ac 02 07 01')
/** The same, and client 9's structs 2 and 3 are deleted. */
const snapshot = bytes('01 09 01 02 02 02 09 ac 02 07 01')
/** Awareness: client 7, clock 3, its cursor. */
const presence = bytes('01 07 03 0c 7b 22 63 75 72 73 6f 72 22 3a 34 7d')

export const examples: Examples = {
  hello: [
    {
      story: 'A replica comes to an archive, with a token, and knows where it stopped.',
      message: {
        type: 'hello',
        version: 1,
        sender: { role: 'peer', replica },
        instance,
        collection,
        credential: { kind: 'token', token: 'eyJhbGciOiJIUzI1NiJ9.e30.c2ln' },
        maxFrameBytes: 65_536,
        maxMessageBytes: 76_546_048,
        cursors: [cursor],
      },
    },
    {
      story: 'The archive has believed the token, and lets the replica write for an hour.',
      message: {
        type: 'hello',
        version: 1,
        sender: {
          role: 'archive',
          archive,
          term,
          grant: { access: 'write', validForMs: 3_600_000 },
        },
        instance: other,
        collection,
        credential: { kind: 'none' },
        maxFrameBytes: 65_536,
        maxMessageBytes: 16_777_216,
        cursors: [],
      },
    },
  ],
  renew: [
    {
      story: 'A new token, before the old one ends.',
      message: {
        type: 'renew',
        credential: { kind: 'token', token: 'eyJhbGciOiJIUzI1NiJ9.e30.bmV3' },
      },
    },
  ],
  granted: [
    {
      story: 'From now on the hearer may only read, as long as it likes.',
      message: { type: 'granted', grant: { access: 'read' } },
    },
  ],
  bye: [
    { story: 'A tab is closed.', message: { type: 'bye' } },
    {
      story: 'A server restarts: come back in two seconds, give or take.',
      message: { type: 'bye', code: 'going-away', retryAfterMs: 2_000 },
    },
  ],
  ping: [
    {
      story: 'A visible tab: it will be heard again within two seconds.',
      message: { type: 'ping', nonce: 5, nextWithinMs: 2_000 },
    },
  ],
  pong: [{ story: 'The answer.', message: { type: 'pong', nonce: 5 } }],
  error: [
    {
      story: 'An ack that went beyond what was sent in subscription 1.',
      message: { type: 'error', code: 'ack-beyond-sent', message: 0x26, request: 1 },
    },
    {
      story: 'A peer cannot give the state of a document just now.',
      message: {
        type: 'error',
        code: 'unavailable',
        message: 0x12,
        request: 8,
        document: note,
        retryAfterMs: 500,
      },
    },
  ],
  summary: [
    {
      story: 'Both follow one archive: up to here I have it from there, and this one is dirty.',
      message: {
        type: 'summary',
        request: 1,
        by: { kind: 'cursor', cursor, dirty: [{ document: note, digest }], more: false },
      },
    },
    {
      story: 'No archive in common, few documents: all of them. `list` has ended twice.',
      message: {
        type: 'summary',
        request: 2,
        by: {
          kind: 'page',
          under: '',
          documents: [{ document: note, digest }, { document: list }],
        },
      },
    },
    {
      story: 'Many documents: two of the sixteen nodes below the root.',
      message: {
        type: 'summary',
        request: 3,
        by: {
          kind: 'tree',
          nodes: [
            { under: '0', digest },
            { under: 'f', digest },
          ],
        },
      },
    },
  ],
  compared: [
    {
      story: 'Nothing differs in what summary 1 said.',
      message: { type: 'compared', request: 1, differing: 0 },
    },
  ],
  state: [
    {
      story: 'Send me what I lack of `note-1`, and ask me for what you lack.',
      message: {
        type: 'state',
        request: 8,
        document: note,
        stateVector,
        digest,
        inReturn: false,
      },
    },
  ],
  update: [
    {
      story: 'One keystroke, on its way from its author.',
      message: {
        type: 'update',
        document: note,
        cause: { kind: 'op', op: { instance, n: 12 } },
        bytes: keystroke,
      },
    },
    {
      story: 'The answer to state 8.',
      message: {
        type: 'update',
        document: note,
        cause: { kind: 'state', request: 8 },
        bytes: keystroke,
      },
    },
  ],
  announce: [
    {
      story: 'Two ops of one author: the second names it by number.',
      message: {
        type: 'announce',
        ops: [
          { instance, n: 12 },
          { instance, n: 13 },
        ],
      },
    },
  ],
  want: [
    {
      story: 'The second one did not come another way.',
      message: { type: 'want', ops: [{ instance, n: 13 }] },
    },
  ],
  spread: [
    {
      story: 'I have these from elsewhere: only announce.',
      message: { type: 'spread', how: 'announced' },
    },
  ],
  tombstone: [
    {
      story: 'Generation 0 of `note-1` has ended.',
      message: { type: 'tombstone', op: { instance, n: 14 }, document: note },
    },
  ],
  presence: [
    {
      story: 'A cursor in `note-1`.',
      message: { type: 'presence', document: note, bytes: presence },
    },
    {
      story: 'The one that the speaker passed this on for is gone.',
      message: { type: 'presence', from: other, bytes: new Uint8Array(0) },
    },
  ],
  viewing: [
    {
      story: 'The user went from `list` to `note-1`.',
      message: { type: 'viewing', opened: [note], closed: [list] },
    },
  ],
  neighbours: [
    {
      story: 'One direct link, to another peer.',
      message: { type: 'neighbours', list: 4, instances: [other] },
    },
  ],
  saved: [
    {
      story: 'The op that you sent is on disk.',
      message: { type: 'saved', ops: [{ instance, n: 12 }] },
    },
  ],
  push: [
    {
      story: 'One keystroke, which the first neighbour of list 4 has already.',
      message: {
        type: 'push',
        reached: { list: 4, neighbours: [0] },
        ops: [{ kind: 'live', op: { instance, n: 12 }, document: note, bytes: keystroke }],
      },
    },
    {
      story: 'What the archive lacks of one document, and the end of another.',
      message: {
        type: 'push',
        ops: [
          { kind: 'upload', op: { instance, n: 15 }, document: note, bytes: keystroke },
          { kind: 'tombstone', op: { instance, n: 16 }, document: list },
        ],
      },
    },
  ],
  committed: [
    {
      story: 'One op became entry 1042; of the other the log held everything.',
      message: {
        type: 'committed',
        term,
        results: [
          { outcome: 'stored', op: { instance, n: 12 }, seq: 1_042, gapped: false },
          { outcome: 'contained', op: { instance, n: 13 }, gapped: false },
        ],
      },
    },
  ],
  refused: [
    {
      story: 'Written under a clientID of somebody else: write it again under a new one.',
      message: { type: 'refused', results: [{ op: { instance, n: 17 }, code: 'rekey' }] },
    },
  ],
  subscribe: [
    {
      story: 'On from where it stopped.',
      message: { type: 'subscribe', subscription: 1, cursor },
    },
    { story: 'From the start.', message: { type: 'subscribe', subscription: 2 } },
  ],
  subscribed: [
    {
      story: 'Three entries follow, some 400 bytes.',
      message: {
        type: 'subscribed',
        subscription: 1,
        outcome: 'behind',
        archive,
        term,
        head: 1_044,
        aboutBytes: 400,
      },
    },
  ],
  changes: [
    {
      story: 'The three entries; and would the hearer help to compact `note-1`?',
      message: {
        type: 'changes',
        subscription: 1,
        page: {
          after: 1_041,
          entries: [
            {
              seq: 1_042,
              kind: 'row',
              document: note,
              op: { instance, n: 12 },
              bytes: keystroke,
            },
            { seq: 1_043, kind: 'snapshot', document: list, bytes: keystroke, parked: [] },
            { seq: 1_044, kind: 'tombstone', document: list },
          ],
          through: 1_044,
          head: 1_044,
        },
        compact: note,
      },
    },
    {
      story:
        'An edit that the mesh has delivered: its place alone. Then a hole that nothing fills.',
      message: {
        type: 'changes',
        subscription: 1,
        page: {
          after: 1_044,
          entries: [{ seq: 1_045, kind: 'place', hash }],
          through: 1_050,
          head: 1_060,
        },
      },
    },
    {
      story: 'A snapshot of 20 MB, to be fetched by what one lacks of it.',
      message: {
        type: 'changes',
        subscription: 1,
        page: {
          after: 1_050,
          entries: [
            {
              seq: 1_060,
              kind: 'large-snapshot',
              document: note,
              sizeBytes: 20_000_000,
              stateVector,
            },
          ],
          through: 1_060,
          head: 1_060,
        },
      },
    },
  ],
  ack: [
    {
      story: 'All of that is on disk here.',
      message: { type: 'ack', subscription: 1, seq: 1_044 },
    },
  ],
  hint: [
    {
      story: 'The answer to `compact`.',
      message: { type: 'hint', document: note, seq: 1_044, snapshot },
    },
  ],
  compacted: [
    {
      story: 'A snapshot stands at 1044; 90 rows are deleted, 10 wait for a slow reader.',
      message: { type: 'compacted', document: note, through: 1_044, removed: 90, retained: 10 },
    },
  ],
  fetch: [
    {
      story: 'The entry of a place that this store does not hold.',
      message: { type: 'fetch', request: 9, what: { by: 'seq', seq: 1_045 } },
    },
    {
      story: 'What is lacking of a large snapshot.',
      message: {
        type: 'fetch',
        request: 10,
        what: { by: 'difference', document: note, stateVector },
      },
    },
  ],
  fetched: [
    {
      story: 'The entry.',
      message: {
        type: 'fetched',
        request: 9,
        seq: 1_045,
        content: { kind: 'row', document: note, op: { instance, n: 12 }, bytes: keystroke },
      },
    },
    {
      story: 'The difference, and one update beside it that does not integrate yet.',
      message: {
        type: 'fetched',
        request: 10,
        seq: 1_060,
        content: { kind: 'difference', document: note, bytes: keystroke, parked: [keystroke] },
      },
    },
  ],
  missing: [
    {
      story: 'Structs 40 to 49 of client 7 are referred to, and nowhere in the log.',
      message: {
        type: 'missing',
        document: note,
        ranges: [{ client: 7, clock: 40, length: 10 }],
      },
    },
  ],
  resynced: [
    {
      story: 'Both have all of each other up to 1044.',
      message: { type: 'resynced', subscription: 1, seq: 1_044 },
    },
  ],
  offer: [
    {
      story: 'I may not write, but I hold 900 bytes of `note-1` that you lack.',
      message: { type: 'offer', documents: [{ document: note, bytes: 900 }] },
    },
  ],
}

export const messageTypes = Object.keys(examples) as MessageType[]

/** All examples, in the order of the document. */
export const exampleMessages: readonly Message[] = messageTypes.flatMap((type) =>
  examples[type].map(({ message }) => message),
)

/** Bytes written as hex digits, with spaces anywhere between them. */
export function bytes(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/[0-9a-f]{2}/g) ?? [], (digits) => Number.parseInt(digits, 16))
}
