/**
 * A real client that edits documents by chance and takes down what it was told: which of its edits
 * were called archived, by `whenArchived` or by a document's state. Every edit adds its name to a
 * list that nobody deletes from, and changes a text that everybody changes, in one op.
 */
import { createClient, memoryStore, type Client, type ClientError } from '@holdfast/client'
import { nodeStore } from '@holdfast/client/node'
import type { Collection, Document } from '@holdfast/client'
import { SeededRandom } from '@holdfast/peer/testing'
import { setTimeout as passes } from 'node:timers/promises'
import { WebSocket } from 'ws'
import type * as Y from 'yjs'
import { contentOf, digestOf } from '../../contract/log/content.js'
import { hasPending } from '../../contract/log/writer.js'

/** Edits of one client on their way: more wait, as for somebody who reads what he writes. */
const mostOnTheirWay = 24

export interface WritingClientOptions {
  readonly name: string
  readonly server: string
  readonly documents: readonly string[]
  /** Without one it lives in memory. */
  readonly file?: string
  readonly seed: string
}

export class WritingClient {
  readonly name: string
  readonly client: Client
  readonly notes: Collection
  readonly documents: ReadonlyMap<string, Document>
  /** Names of its edits, by document. */
  readonly made = new Map<string, string[]>()
  /** Those of them that it was told are archived. */
  readonly archived = new Map<string, Set<string>>()
  readonly errors: ClientError[] = []
  readonly #random: SeededRandom
  /** How many of a document's edits have been called archived by its state. */
  readonly #looked = new Map<string, number>()
  #onTheirWay = 0
  #edits = 0

  constructor(
    { name, seed }: WritingClientOptions,
    given: {
      readonly client: Client
      readonly notes: Collection
      readonly documents: ReadonlyMap<string, Document>
    },
  ) {
    this.name = name
    this.#random = new SeededRandom(`${seed}/${name}`)
    this.client = given.client
    this.notes = given.notes
    this.documents = given.documents
    this.client.onError((error) => this.errors.push(error))
    for (const [id, document] of this.documents) {
      this.made.set(id, [])
      this.archived.set(id, new Set())
      document.onState(() => this.#look(id, document))
    }
  }

  static async open(options: WritingClientOptions): Promise<WritingClient> {
    const { file, server } = options
    const client = await createClient({
      store: file === undefined ? memoryStore() : nodeStore(file),
      server,
      // What one of them holds goes to the others by the archive or not at all.
      signal: false,
      WebSocket,
    })
    const notes = await client.collection('notes')
    const documents = new Map<string, Document>()
    for (const id of options.documents) documents.set(id, await notes.open(id))
    return new WritingClient(options, { client, notes, documents })
  }

  get edits(): number {
    return this.#edits
  }

  ydoc(id: string): Y.Doc {
    return this.#document(id).ydoc
  }

  /** One edit. Resolves when it was called archived. */
  edit(id: string): Promise<void> {
    const document = this.#document(id)
    const name = `${this.name}.${this.#edits++}`
    document.ydoc.transact(() => {
      const text = document.ydoc.getText('text')
      const at = this.#random.below(text.length + 1)
      if (this.#random.chance(0.2) && text.length > at) {
        text.delete(at, Math.min(text.length - at, 1 + this.#random.below(12)))
      } else text.insert(at, `${name} `)
      document.ydoc.getArray<string>('list').push([name])
    })
    this.made.get(id)?.push(name)
    this.#onTheirWay++
    return document
      .whenArchived()
      .then(() => void this.archived.get(id)?.add(name))
      .finally(() => this.#onTheirWay--)
  }

  /** Edits until told to stop. Rejects if an edit could not be archived. */
  async editUntil(stop: AbortSignal): Promise<void> {
    const ids = [...this.documents.keys()]
    const failed: unknown[] = []
    while (!stop.aborted) {
      if (this.#onTheirWay < mostOnTheirWay) {
        const id = ids[this.#random.below(ids.length)] as string
        this.edit(id).catch((error: unknown) => failed.push(error))
      }
      await passes(20 + this.#random.below(80))
    }
    if (failed.length > 0) throw new AggregateError(failed, `${this.name} could not archive`)
  }

  /** Everything that it made is archived, and all that others made is here. */
  async settled(): Promise<void> {
    for (const document of this.documents.values()) {
      await document.whenArchived()
      await document.whenSynced()
    }
  }

  /** Content and digest of one document, to be compared with others'. */
  standing(id: string): string {
    return standingOf(this.ydoc(id))
  }

  close(): Promise<void> {
    return this.client.close()
  }

  #document(id: string): Document {
    const document = this.documents.get(id)
    if (document === undefined) throw new Error(`${this.name} has no ${id}`)
    return document
  }

  /** The other way of being told. */
  #look(id: string, { state }: Document): void {
    if (state.safety !== 'archived') return
    const made = this.made.get(id) ?? []
    const from = this.#looked.get(id) ?? 0
    for (let at = from; at < made.length; at++) this.archived.get(id)?.add(made[at] as string)
    this.#looked.set(id, made.length)
  }
}

/** Equal for equal content, with equal digests and nothing that waits. */
export function standingOf(doc: Y.Doc): string {
  return JSON.stringify([contentOf(doc), digestOf(doc), hasPending(doc)])
}

function editsIn(doc: Y.Doc | undefined): ReadonlySet<string> {
  return new Set(doc?.getArray<string>('list').toArray())
}

/** Edits that these clients were told are archived, and that are not in what is given. */
export function missing(
  clients: readonly Pick<WritingClient, 'made' | 'archived'>[],
  docs: ReadonlyMap<string, Y.Doc>,
  what: 'archived' | 'made' = 'archived',
): readonly string[] {
  return clients.flatMap((client) =>
    [...client[what]].flatMap(([id, names]) => {
      const there = editsIn(docs.get(id))
      return [...names].filter((name) => !there.has(name)).map((name) => `${id}: ${name}`)
    }),
  )
}
