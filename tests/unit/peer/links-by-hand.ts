/** A collection of one peer on virtual time, whose neighbours say what a test makes them say. */
import {
  Channel,
  CollectionSync,
  YDocuments,
  type Expected,
  type Outcome,
  type PeerSession,
  type Received,
  type YDocumentsOptions,
} from '@holdfast/peer'
import { silentLogger, type Clock } from '@holdfast/peer/ports'
import {
  encodeMessage,
  type Access,
  type CollectionName,
  type DocumentId,
  type DocumentRef,
  type InstanceId,
  type Message,
  type MessageOf,
  type ReplicaId,
} from '@holdfast/peer/protocol'
import { createWorld } from '@holdfast/peer/testing'
import * as Y from 'yjs'

export const hello: MessageOf<'hello'> = {
  type: 'hello',
  version: 1,
  sender: { role: 'peer', replica: 'a2'.repeat(16) as ReplicaId },
  instance: 'b2'.repeat(16) as InstanceId,
  collection: 'notes' as CollectionName,
  credential: { kind: 'none' },
  maxFrameBytes: 65_536,
  maxMessageBytes: 65_536,
  cursors: [],
}

export const note = { id: 'note' as DocumentId, generation: 0 }

interface HowDocumentsAre {
  readonly createDoc?: NonNullable<YDocumentsOptions['createDoc']>
  /** What taking something in, and making a difference, each takes. */
  readonly takesMs?: number
}

/** The other end of a link. */
export interface Other {
  /** What it was told; its end is the `bye` that ended it. */
  readonly heard: readonly Message[]
  readonly session: PeerSession
  readonly say: (message: Message) => boolean
}

/** The document `note` is open, with 60,000 letters, and one link stands. */
export async function meet(
  expected: Partial<Expected> = {},
  access: Access = 'write',
  { createDoc, takesMs = 0 }: HowDocumentsAre = {},
) {
  const world = createWorld({ seed: 'session' })
  const instance = 'b1'.repeat(16) as InstanceId
  const { clock, random } = world
  const errors: string[] = []
  const logger = { ...silentLogger, error: (message: string) => void errors.push(message) }
  const documents = new SlowDocuments(
    { instance, clock, logger, ...(createDoc === undefined ? {} : { createDoc }) },
    takesMs,
  )
  const doc = new Y.Doc()
  doc.getText('text').insert(0, 'x'.repeat(60_000))
  documents.open(note.id, doc)
  const sync = new CollectionSync({
    self: {
      replica: 'a1'.repeat(16) as ReplicaId,
      instance,
      collection: 'notes' as CollectionName,
      access,
    },
    documents,
    clock,
    random,
    logger,
  })

  const link = async (expects: Partial<Expected>): Promise<Other> => {
    const { a, b } = world.network.connect('a', 'b')
    const session = sync.add(new Channel({ link: a, clock, random }), {
      access: 'write',
      ...expects,
    })
    const heard: Message[] = []
    const other = new Channel({ link: b, clock, random })
    other.onMessage((message) => heard.push(message))
    other.onClose((closed) => {
      if (closed.by === 'remote') {
        heard.push({ type: 'bye', ...(closed.code === undefined ? {} : { code: closed.code }) })
      }
    })
    other.start()
    await world.run(20)
    return {
      heard,
      session,
      say: (message) => other.sendEncoded(encodeMessage(message), 'live'),
    }
  }
  /** One more neighbour, who has said hello. */
  const newcomer = async (is: InstanceId): Promise<Other> => {
    const other = await link({})
    other.say({ ...hello, instance: is })
    await world.run(50)
    return other
  }
  return { world, sync, documents, doc, errors, newcomer, ...(await link(expected)) }
}

/** As on a machine where documents are large and the disk is slow. */
class SlowDocuments extends YDocuments {
  readonly #clock: Clock
  readonly #takesMs: number

  constructor(options: YDocumentsOptions, takesMs: number) {
    super(options)
    this.#clock = options.clock
    this.#takesMs = takesMs
  }

  override async receive(batch: readonly Received[]): Promise<readonly Outcome[]> {
    await this.#pause()
    return super.receive(batch)
  }

  override async difference(document: DocumentRef, stateVector: Uint8Array) {
    await this.#pause()
    return super.difference(document, stateVector)
  }

  async #pause(): Promise<void> {
    if (this.#takesMs === 0) return
    await new Promise<void>((resolve) => this.#clock.after(this.#takesMs, resolve))
  }
}
