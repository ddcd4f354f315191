/** A tab that follows, at the owner: what it says, in order, and what it is answered. */
import type { Logger, Undo } from '@holdfast/peer/ports'
import type { CollectionName, DocumentId, InstanceId } from '@holdfast/peer/protocol'
import { ClientError } from '../errors.js'
import type { OwnerCore } from '../core/owner-core.js'
import { GuestCollection } from './guest-collection.js'
import type { TabLine } from './tab-line.js'
import {
  postedError,
  postedStorage,
  type Answer,
  type FollowerWord,
  type OwnerWord,
  type Question,
} from './words.js'

export interface GuestOptions {
  readonly core: OwnerCore
  readonly line: TabLine
  readonly logger: Logger
}

export class Guest {
  readonly #options: GuestOptions
  readonly #collectionByName = new Map<string, GuestCollection>()
  readonly #undo: readonly Undo[]
  #instance: InstanceId | undefined
  /** What it says is done in its order, also where something has to be opened first. */
  #turn: Promise<void> = Promise.resolve()
  #isClosed = false

  constructor(options: GuestOptions) {
    const { core } = options
    this.#options = options
    this.#undo = [
      core.onStorage((storage) => {
        this.#say({ what: 'storage', storage: postedStorage(storage) })
      }),
      core.onError((error) => this.#say({ what: 'error', error: postedError(error) })),
    ]
  }

  hear(said: unknown): void {
    const word = said as FollowerWord
    if (word.what === 'ping') {
      this.#say({ what: 'pong' })
      return
    }
    this.#turn = this.#turn
      .then(() => (this.#isClosed ? undefined : this.#do(word)))
      .catch((error: unknown) => this.#failed(error))
  }

  /** Idempotent. */
  async close(why: 'left' | 'broken'): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const undo of this.#undo) undo()
    await this.#turn
    const closing = [...this.#collectionByName.values()].map((one) => one.close(why))
    await Promise.allSettled(closing)
    this.#options.line.close()
  }

  async #do(word: FollowerWord): Promise<void> {
    const { core } = this.#options
    switch (word.what) {
      case 'join': {
        this.#instance = word.instance
        const { replica, instance, storage } = core
        this.#say({ what: 'welcome', replica, instance, storage: postedStorage(storage) })
        return
      }
      case 'open':
        await this.#open(word.collection)
        return
      case 'shut': {
        const collection = this.#collectionByName.get(word.collection)
        this.#collectionByName.delete(word.collection)
        await collection?.close('left')
        return
      }
      case 'attach':
        await this.#attach(word)
        return
      case 'detach':
        this.#collection(word.collection).detach(word.document as DocumentId)
        return
      case 'edits':
        this.#collection(word.collection).takeEdits(word.edits)
        return
      case 'presence':
        this.#collection(word.collection).presence(word)
        return
      case 'traffic':
        this.#collection(word.collection).traffic(word.isWanted)
        return
      case 'way':
        if (word.isWanted) core.connect(word.way)
        else core.disconnect(word.way)
        return
      case 'retry':
        core.retryNow()
        return
      case 'ask':
        // Others do not wait for the answer.
        void this.#answer(word.id, word.question)
        return
      case 'ping':
        return
      default:
        word satisfies never
    }
  }

  async #open(name: string): Promise<void> {
    const { core } = this.#options
    const instance = this.#instance
    if (instance === undefined || this.#collectionByName.has(name)) return
    const collection = await core.collection(name as CollectionName)
    this.#collectionByName.set(
      name,
      new GuestCollection({
        collection,
        instance,
        say: (word) => this.#say(word),
        failed: (error) => this.#failed(error),
      }),
    )
  }

  async #attach(word: Extract<FollowerWord, { what: 'attach' }>): Promise<void> {
    const { collection, document, attempt } = word
    try {
      // What failed when it was said to be opened may go well now.
      await this.#open(collection)
      await this.#collection(collection).attach(word)
    } catch (error) {
      // Somebody may be waiting for it.
      this.#say({ what: 'unattached', collection, document, attempt })
      throw error
    }
  }

  async #answer(id: number, question: Question): Promise<void> {
    let answer: Answer
    try {
      answer = await this.#ask(question)
    } catch (error) {
      // The next owner is asked the same.
      if (error instanceof ClientError && unanswered.has(error.code)) return
      answer = { kind: 'failed', error: postedError(error) }
    }
    // What a wait has waited for is known there before it ends.
    this.#collectionByName.get(question.collection)?.tell()
    this.#say({ what: 'answer', id, answer })
  }

  async #ask(question: Question): Promise<Answer> {
    const collection = await this.#options.core.collection(question.collection as CollectionName)
    try {
      switch (question.kind) {
        case 'list':
          return { kind: 'list', list: await collection.list() }
        case 'kept':
          return { kind: 'kept', kept: await collection.kept() }
        case 'delete': {
          const id = question.document as DocumentId
          const { generation } = collection.replica.living(id)
          if ((question.generation ?? generation) === generation) await collection.delete(id)
          return { kind: 'done' }
        }
        case 'discard':
          await collection.discard(question.kept)
          return { kind: 'done' }
        case 'archived':
          await collection.replica.whenArchived({}, question.document as DocumentId | undefined)
          return { kind: 'done' }
        default:
          return question satisfies never
      }
    } finally {
      await collection.close()
    }
  }

  #collection(name: string): GuestCollection {
    const collection = this.#collectionByName.get(name)
    if (collection === undefined) throw new ClientError('internal', `${name} is not open`)
    return collection
  }

  #say(word: OwnerWord): void {
    if (!this.#isClosed) this.#options.line.say(word)
  }

  #failed(error: unknown): void {
    if (this.#isClosed) return
    if (error instanceof ClientError && unanswered.has(error.code)) return
    this.#options.logger.error('a word of another tab was not done', { error: String(error) })
  }
}

/** This owner is at its end; it has nothing to say to the question. */
const unanswered: ReadonlySet<string> = new Set(['closed', 'store-taken'])
