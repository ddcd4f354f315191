import type { Link, Undo } from '@holdfast/peer/ports'
import { fraction } from '@holdfast/peer/ports'
import { RecordLog, type Life } from '@holdfast/peer/testing'
import * as Y from 'yjs'

/** Mistakes that a toy peer can be told to make, so that the world can be seen to find them. */
export type Bug =
  /** A state that got lost is never sent again. */
  | 'forgets-to-resend'
  /** An edit is called saved when it is written, not when it is durable. */
  | 'saved-before-fsync'

export interface ToyOptions {
  /** Neighbours to dial; the others dial us. */
  readonly dials: readonly string[]
  readonly onSaved: (token: string) => void
  readonly bug?: Bug | undefined
}

/**
 * The smallest replica worth simulating: a Y.Doc, a log on disk, and full states sent to each
 * neighbour until its digest is ours.
 *
 *   changed ─► (a moment) ─► state to each neighbour whose digest differs ─► it answers with its own
 *                 ▲                                                              │
 *                 └────────────── every 300 ms while they differ ────────────────┘
 */
export class ToyPeer {
  /** Yjs draws a guid from the platform, slowly, unless it is given one. */
  readonly doc = new Y.Doc({ guid: 'toy' })
  readonly #life: Life
  readonly #options: ToyOptions
  readonly #neighbours = new Map<Link, { digest: string }>()
  #log: RecordLog | undefined
  #digest: string | undefined
  #offering: Undo | undefined

  constructor(life: Life, options: ToyOptions) {
    this.#life = life
    this.#options = options
    // Yjs draws this from the platform: a seed would not replay.
    this.doc.clientID = life.random.uint32()
    this.doc.on('update', () => (this.#digest = undefined))
    life.watch(this.#start())
  }

  get isReady(): boolean {
    return this.#log !== undefined
  }

  /** Equal digests: equal documents. */
  get digest(): string {
    this.#digest ??= Buffer.from(Y.encodeSnapshot(Y.snapshot(this.doc))).toString('base64')
    return this.#digest
  }

  get tokens(): readonly string[] {
    return this.doc.getArray<string>('tokens').toArray()
  }

  /** What a reader of the document sees, canonically. */
  get content(): string {
    return JSON.stringify([this.tokens, this.doc.getText('text').toJSON()])
  }

  /** Adds a token that can be looked for later, and does something to a text that all share. */
  edit(token: string): void {
    const { random } = this.#life
    this.doc.transact(() => {
      this.doc.getArray<string>('tokens').push([token])
      const text = this.doc.getText('text')
      const at = Math.floor(fraction(random) * (text.length + 1))
      if (text.length > 8 && fraction(random) < 0.4) text.delete(Math.min(at, text.length - 3), 3)
      else text.insert(at, token)
    }, token)
    this.#life.count('edit')
    this.#life.log(`edits ${token}`)
  }

  async #start(): Promise<void> {
    const log = await RecordLog.open(this.#life.disk, 'doc')
    this.doc.transact(() => {
      for (const record of log.records) Y.applyUpdate(this.doc, record, 'disk')
    })
    this.#life.log(`has ${log.records.length} records`)
    if (log.records.length > 0) this.#life.count('recovery')
    this.doc.on('update', (update: Uint8Array, origin: unknown) => {
      this.#life.watch(this.#save(log, update, typeof origin === 'string' ? origin : undefined))
      this.#offerSoon(30)
    })
    this.#log = log
    this.#life.listen((link) => this.#meet(link))
    for (const to of this.#options.dials) this.#dial(to)
  }

  async #save(log: RecordLog, update: Uint8Array, token: string | undefined): Promise<void> {
    await log.append(update)
    const isEarly = this.#options.bug === 'saved-before-fsync'
    if (token !== undefined && isEarly) this.#options.onSaved(token)
    await log.sync()
    if (token !== undefined && !isEarly) this.#options.onSaved(token)
  }

  #dial(to: string): void {
    const link = this.#life.dial(to)
    this.#meet(link)
    link.onClose(() => {
      this.#life.clock.after(200 + 300 * fraction(this.#life.random), () => this.#dial(to))
    })
  }

  #meet(link: Link): void {
    this.#neighbours.set(link, { digest: '' })
    link.onFrame((frame) => this.#hear(link, frame))
    link.onClose(() => this.#neighbours.delete(link))
    this.#offerSoon(0)
  }

  #hear(link: Link, frame: Uint8Array): void {
    const neighbour = this.#neighbours.get(link)
    if (neighbour === undefined) return
    if (frame[0] === stateFrame) {
      Y.applyUpdate(this.doc, frame.subarray(1), link)
      const digest = Buffer.from(this.digest)
      link.send(Uint8Array.of(digestFrame, ...digest))
    } else {
      neighbour.digest = Buffer.from(frame.subarray(1)).toString()
    }
    if (neighbour.digest !== this.digest) this.#offerSoon(30)
  }

  /** One timer for all neighbours; it goes on while one of them differs. */
  #offerSoon(delayMs: number): void {
    if (this.#offering !== undefined) return
    this.#offering = this.#life.clock.after(delayMs, () => {
      this.#offering = undefined
      const { digest } = this
      const differing = [...this.#neighbours].filter(([, other]) => other.digest !== digest)
      if (differing.length === 0) return
      const state = Y.encodeStateAsUpdate(this.doc)
      const frame = new Uint8Array(1 + state.byteLength)
      frame[0] = stateFrame
      frame.set(state, 1)
      for (const [link] of differing) link.send(frame)
      if (this.#options.bug !== 'forgets-to-resend') this.#offerSoon(300)
    })
  }
}

const stateFrame = 1
const digestFrame = 2
