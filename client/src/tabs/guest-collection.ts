/**
 * One collection that a follower has open, at the owner: its edits take the way of the owner's own,
 * and each row that becomes durable goes to it, whoever it came from.
 */
import { keyOf, type PresenceLink } from '@holdfast/peer'
import type { Undo } from '@holdfast/peer/ports'
import type { DocumentId, DocumentRef, InstanceId } from '@holdfast/peer/protocol'
import type { CollectionStatus, DocumentState } from '../api.js'
import type { OwnerCollection } from '../core/owner-collection.js'
import type { TabEdit } from '../replica/taking-from-tabs.js'
import { ownBytes } from './own-bytes.js'
import type { FollowerWord, OwnerWord } from './words.js'

export interface GuestCollectionOptions {
  readonly collection: OwnerCollection
  readonly instance: InstanceId
  readonly say: (word: OwnerWord) => void
  readonly failed: (error: unknown) => void
}

export class GuestCollection {
  readonly #options: GuestCollectionOptions
  readonly #name: string
  readonly #viewById = new Map<DocumentId, View>()
  /** Edits of this follower that are on their way to the disk, by document. */
  readonly #takingById = new Map<DocumentId, number>()
  readonly #link: PresenceLink
  readonly #undo: Undo[]
  #undoTraffic: Undo | undefined
  #toldStatus = ''
  #isClosed = false

  constructor(options: GuestCollectionOptions) {
    const { collection, instance, say } = options
    this.#options = options
    this.#name = collection.name
    const { replica, presence } = collection
    this.#link = {
      instance,
      send: (message) => {
        say({ what: 'presence', collection: this.#name, message })
        return !this.#isClosed
      },
    }
    this.#undo = [
      collection.tab(instance),
      replica.onRow((document, bytes) => this.#row(document, bytes)),
      replica.onReplaced((document) => {
        if (this.#isViewed(document)) say({ what: 'replaced', collection: this.#name, document })
      }),
      collection.onNews(() => this.tell()),
      collection.onStatus(() => this.tell()),
      collection.onLinks(() => this.tell()),
      collection.onList(() => say({ what: 'list', collection: this.#name })),
    ]
    this.tell()
    presence.opened(this.#link)
    // It has no link but this one: it is passed on all that others show.
    presence.heard(this.#link, { type: 'neighbours', list: 1, instances: [] })
  }

  async attach(word: Extract<FollowerWord, { what: 'attach' }>): Promise<void> {
    const { collection, say } = this.#options
    const { replica } = collection
    const id = word.document as DocumentId
    this.detach(id)
    this.takeEdits(word.edits)
    const living = replica.living(id)
    const document = { id, generation: word.generation ?? living.generation }
    // Rows that become durable from now on are told: after the rest, which is being read meanwhile.
    const rows: Uint8Array[] = []
    const view: View = { document, undo: collection.view(document), told: '', rows }
    this.#viewById.set(id, view)
    const isLiving = document.generation === living.generation
    // Their turn comes after the edits'.
    const difference = isLiving
      ? await replica.documents.difference(document, word.stateVector)
      : undefined
    const stateVector = isLiving ? await replica.documents.stateVector(document) : undefined
    if (this.#isClosed) return
    say({
      what: 'attached',
      collection: this.#name,
      document,
      attempt: word.attempt,
      state: this.#stateOf(document),
      difference: difference && ownBytes(difference),
      stateVector: stateVector && ownBytes(stateVector),
    })
    view.rows = undefined
    for (const bytes of rows) this.#row(document, bytes)
  }

  detach(id: DocumentId): void {
    const view = this.#viewById.get(id)
    this.#viewById.delete(id)
    view?.undo()
  }

  /** Said to be saved when they are. A store that fails is tried again: they wait as all do. */
  takeEdits(edits: readonly TabEdit[]): void {
    if (edits.length === 0) return
    const { collection, say, failed } = this.#options
    for (const { document } of edits) this.#isTaking(document.id, 1)
    collection.replica.takeFromTab(edits).then(
      () => {
        for (const { document } of edits) this.#isTaking(document.id, -1)
        const views = [...this.#viewById.values()].filter(({ document }) => {
          return edits.some((edit) => keyOf(edit.document) === keyOf(document))
        })
        say({
          what: 'saved',
          collection: this.#name,
          ops: edits.map(({ op }) => op),
          states: views.map(({ document }) => ({ document, state: this.#stateOf(document) })),
          status: this.#status,
        })
        return undefined
      },
      // Whoever owns the store next is given them again.
      failed,
    )
  }

  presence(word: Extract<FollowerWord, { what: 'presence' }>): void {
    const { message } = word
    const { type } = message
    if (type !== 'presence' && type !== 'viewing' && type !== 'neighbours') return
    this.#options.collection.presence.heard(this.#link, message)
  }

  traffic(isWanted: boolean): void {
    this.#undoTraffic?.()
    this.#undoTraffic = undefined
    if (!isWanted) return
    const { collection, say } = this.#options
    this.#undoTraffic = collection.onTraffic((traffic) =>
      say({ what: 'traffic', collection: this.#name, traffic }),
    )
  }

  /** @param why `broken`: it may be back at once, and nobody has to see it go */
  async close(why: 'left' | 'broken'): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    const { collection } = this.#options
    for (const undo of this.#undo) undo()
    this.#undoTraffic?.()
    for (const id of this.#viewById.keys()) this.detach(id)
    collection.presence.closed(this.#link, why)
    await collection.close()
  }

  /** Says what stands otherwise than it was said. */
  tell(): void {
    const { collection, say } = this.#options
    for (const view of this.#viewById.values()) {
      const state = this.#stateOf(view.document)
      const told = JSON.stringify(state)
      if (told === view.told) continue
      view.told = told
      say({ what: 'state', collection: this.#name, document: view.document, state })
    }
    const { links, isSynced } = collection
    const status = this.#status
    const shown = links.map(({ id, path, isSynced }) => [id, path, isSynced])
    const toldStatus = JSON.stringify([status, shown, isSynced])
    if (toldStatus === this.#toldStatus) return
    this.#toldStatus = toldStatus
    say({ what: 'opened', collection: this.#name, status, links, isSynced })
  }

  #row(document: DocumentRef, bytes: Uint8Array): void {
    if (!this.#isViewed(document)) return
    const { say } = this.#options
    const waiting = this.#viewById.get(document.id)?.rows
    if (waiting !== undefined) waiting.push(bytes)
    else say({ what: 'row', collection: this.#name, document, bytes: ownBytes(bytes) })
  }

  #isViewed(document: DocumentRef): boolean {
    return this.#viewById.get(document.id)?.document.generation === document.generation
  }

  /** What is on its way from this follower is counted by the follower. */
  #stateOf(document: DocumentRef): DocumentState {
    const state = this.#options.collection.stateOf(document)
    const local = Math.max(0, state.pending.local - (this.#takingById.get(document.id) ?? 0))
    return { ...state, pending: { ...state.pending, local } }
  }

  get #status(): CollectionStatus {
    const { status } = this.#options.collection
    let taking = 0
    for (const count of this.#takingById.values()) taking += count
    const local = Math.max(0, status.pending.local - taking)
    return { ...status, pending: { ...status.pending, local } }
  }

  #isTaking(id: DocumentId, more: 1 | -1): void {
    const count = (this.#takingById.get(id) ?? 0) + more
    if (count === 0) this.#takingById.delete(id)
    else this.#takingById.set(id, count)
  }
}

interface View {
  readonly document: DocumentRef
  readonly undo: Undo
  told: string
  /**
   * What became durable since the follower asked for it, until it is given what there was. What it is
   * told before that it can do nothing with.
   */
  rows: Uint8Array[] | undefined
}
