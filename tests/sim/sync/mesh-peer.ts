import {
  Channel,
  CollectionSync,
  YDocuments,
  type PeerSession,
  type Position,
  type SessionState,
} from '@holdfast/peer'
import { fraction, silentLogger } from '@holdfast/peer/ports'
import {
  hexOf,
  type Access,
  type CollectionName,
  type DocumentId,
  type InstanceId,
  type ReplicaId,
} from '@holdfast/peer/protocol'
import type { Life, SimulatedLink } from '@holdfast/peer/testing'
import * as Y from 'yjs'

export interface MeshPeerOptions {
  /** What is kept between two lives, as a store would. */
  readonly kept: Kept
  readonly access: Access
  readonly accessOf: (host: string) => Access
  /** Neighbours to dial, again and again; the others dial us. */
  readonly dials: readonly string[]
  /** Whether documents that only others have opened are taken in. Default: yes. */
  readonly opensUnknown?: boolean
  readonly position?: () => Position
  readonly onSession?: (session: PeerSession, link: SimulatedLink) => void
  readonly onState?: (session: PeerSession, state: SessionState) => void
}

/** The documents of one replica, by id and generation. */
export class Kept {
  readonly docs = new Map<DocumentId, { readonly generation: number; readonly doc: Y.Doc }>()
  /** The generations that live, where one has ended. */
  readonly livingById = new Map<DocumentId, number>()
}

/** A peer of a mesh whose topology is given, with a loop that dials again what has ended. */
export class MeshPeer {
  readonly documents: YDocuments
  readonly sync: CollectionSync
  readonly instance: InstanceId
  readonly #life: Life
  readonly #options: MeshPeerOptions
  /** Whom each session dialled. */
  readonly #hostBySession = new Map<PeerSession, string>()
  #isClosed = false

  constructor(life: Life, options: MeshPeerOptions) {
    const { kept, access } = options
    this.#life = life
    this.#options = options
    this.instance = hexOf(life.random.bytes(16)) as InstanceId
    this.documents = new YDocuments({
      instance: this.instance,
      clock: life.clock,
      logger: silentLogger,
      createDoc: ({ id, generation }) =>
        options.opensUnknown === false ? undefined : this.#create(id, generation),
      ...(options.position === undefined ? {} : { position: options.position }),
    })
    for (const [id, generation] of kept.livingById) {
      this.documents.end({ id, generation: generation - 1 })
    }
    for (const [id, { doc }] of kept.docs) this.documents.open(id, doc)
    this.documents.onChange((id) => {
      const generation = this.documents.holding(id)?.document.generation ?? 0
      if (generation > 0) kept.livingById.set(id, generation)
    })
    this.documents.onEnded(({ id }) => {
      kept.docs.delete(id)
      life.count('document ended')
    })
    this.sync = new CollectionSync({
      self: {
        replica: hexOf(life.random.bytes(16)) as ReplicaId,
        instance: this.instance,
        collection: 'notes' as CollectionName,
        access,
      },
      documents: this.documents,
      clock: life.clock,
      random: life.random,
      logger: { ...silentLogger, error: (message) => life.count(`error: ${message}`) },
    })
    this.sync.onState((session) => {
      life.log(`${session.instance?.slice(0, 4) ?? '?'} ${session.state}`)
      options.onState?.(session, session.state)
    })
    this.sync.onClosed((session) => {
      const to = this.#hostBySession.get(session)
      this.#hostBySession.delete(session)
      if (to !== undefined && !this.#isClosed) this.#dialAgain(to)
    })
    life.listen((link) => this.#meet(link as SimulatedLink))
    for (const to of options.dials) this.#dial(to)
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  get kept(): Kept {
    return this.#options.kept
  }

  /** Opens a document that nobody may have yet. */
  open(id: DocumentId): Y.Doc {
    const open = this.documents.docOf(id)
    if (open !== undefined) return open
    const generation = this.documents.holding(id)?.document.generation ?? 0
    const doc = this.#create(id, generation)
    this.documents.open(id, doc)
    return doc
  }

  /** Adds a token that can be looked for later, and does something to a text that all share. */
  edit(id: DocumentId, token: string): void {
    const doc = this.open(id)
    const { random } = this.#life
    doc.transact(() => {
      doc.getMap('tokens').set(token, true)
      const text = doc.getText('text')
      const at = Math.floor(fraction(random) * (text.length + 1))
      if (text.length > 8 && fraction(random) < 0.4) text.delete(Math.min(at, text.length - 3), 3)
      else text.insert(at, token)
    })
    this.#life.count('edit')
    this.#life.log(`edits ${id} ${token}`)
  }

  /** Adds so many letters at once: states and ops that fill the lanes. */
  paste(id: DocumentId, letters: number): void {
    this.open(id).getText('pasted').insert(0, 'x'.repeat(letters))
    this.#life.count('paste')
    this.#life.log(`pastes ${letters} into ${id}`)
  }

  /** A new link beside one that stands; the old one is closed a moment later. */
  rebuild(): void {
    const [old, to] = [...this.#hostBySession][0] ?? []
    if (old === undefined || to === undefined || this.#isClosed) return
    this.#hostBySession.delete(old)
    this.#dial(to)
    this.#life.count('rebuilt')
    this.#life.clock.after(1_000 * fraction(this.#life.random), () => old.close())
  }

  close(): void {
    this.#isClosed = true
    this.documents.closeAll()
    this.sync.close()
  }

  #create(id: DocumentId, generation: number): Y.Doc {
    const doc = newDoc(this.#life.random.uint32())
    this.kept.docs.set(id, { generation, doc })
    return doc
  }

  #dial(to: string): void {
    this.#hostBySession.set(this.#meet(this.#life.dial(to) as SimulatedLink), to)
  }

  #dialAgain(to: string): void {
    this.#life.count('dialled again')
    this.#life.clock.after(200 + 500 * fraction(this.#life.random), () => {
      if (!this.#isClosed) this.#dial(to)
    })
  }

  #meet(link: SimulatedLink): PeerSession {
    const { clock, random } = this.#life
    const channel = new Channel({ link, clock, random })
    const session = this.sync.add(channel, { access: this.#options.accessOf(link.remoteHost) })
    this.#options.onSession?.(session, link)
    return session
  }
}

/** Yjs draws a guid and a clientID from the platform unless it is given them. */
export function newDoc(clientID: number): Y.Doc {
  const doc = new Y.Doc({ guid: 'simulated' })
  doc.clientID = clientID
  return doc
}

export function tokensOf(doc: Y.Doc): readonly string[] {
  return [...doc.getMap('tokens').keys()]
}

/** What a reader of the document sees, canonically. */
export function contentOf(doc: Y.Doc): string {
  return JSON.stringify([tokensOf(doc).toSorted(), doc.getText('text').toJSON()])
}
