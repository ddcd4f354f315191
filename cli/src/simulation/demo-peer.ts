import { fraction, type Link } from '@holdfast/peer/ports'
import { RecordLog, type Life } from '@holdfast/peer/testing'
import * as Y from 'yjs'

/**
 * A peer for show: it types its phrase into the common text, tells every neighbour each letter, and
 * asks each of them now and then for what it lacks. What it knows is on its disk. The first letter
 * of the phrase stands nowhere else in the text, so that it finds its own again.
 *
 *   update ─► every neighbour        may be lost
 *   ask (state vector) ─► answer (what you lack)      repairs it
 */
export class DemoPeer {
  readonly phrase: string
  readonly #life: Life
  readonly #document = new Y.Doc({ guid: 'demo' })
  readonly #links = new Set<Link>()
  readonly #answeredBy = new Set<Link>()
  readonly #others: number

  constructor(life: Life, phrase: string, dials: readonly string[], others: number) {
    this.#life = life
    this.#others = others
    this.phrase = phrase
    // Drawn from the seed, or no run could be repeated.
    this.#document.clientID = life.random.uint32()
    life.watch(this.#start(dials))
  }

  get text(): string {
    return this.#document.getText('text').toJSON()
  }

  async #start(dials: readonly string[]): Promise<void> {
    const log = await RecordLog.open(this.#life.disk, 'updates')
    for (const record of log.records) Y.applyUpdate(this.#document, record)
    this.#document.on('update', (update: Uint8Array, origin: unknown) => {
      this.#life.watch(log.append(update).then(() => log.sync()))
      // What a neighbour sent, the others have from its author or will ask for.
      if (origin === undefined || origin === null) this.#tellAll(updateFrame, update)
    })
    this.#life.listen((link) => this.#meet(link))
    for (const to of dials) this.#dial(to)
    this.#typeOn()
  }

  #dial(to: string): void {
    const link = this.#life.dial(to)
    this.#meet(link)
    link.onClose(() => this.#soon(300, () => this.#dial(to)))
  }

  #meet(link: Link): void {
    this.#links.add(link)
    link.onClose(() => this.#links.delete(link))
    link.onFrame((frame) => this.#hear(link, frame))
    this.#ask(link)
  }

  #ask(link: Link): void {
    if (!this.#links.has(link)) return
    tell(link, askFrame, Y.encodeStateVector(this.#document))
    this.#soon(400, () => this.#ask(link))
  }

  #hear(link: Link, frame: Uint8Array): void {
    const body = frame.subarray(1)
    if (frame[0] === askFrame) {
      tell(link, answerFrame, Y.encodeStateAsUpdate(this.#document, body))
      return
    }
    Y.applyUpdate(this.#document, body, link)
    if (frame[0] === answerFrame) this.#answeredBy.add(link)
  }

  /** One letter of the phrase after the last one that stands, until it is whole. */
  #typeOn(): void {
    this.#soon(180, () => {
      // One who comes back hears the others first, or would type again what only they still have.
      if (this.#life.number > 1 && this.#answeredBy.size < this.#others) {
        this.#typeOn()
        return
      }
      const { phrase, text } = this
      const found = text.indexOf(phrase.charAt(0))
      // A new phrase begins in front of all: behind another it could get into that one's end.
      const start = Math.max(0, found)
      let typed = 0
      while (typed < phrase.length && text[start + typed] === phrase[typed]) typed++
      if (typed === phrase.length) return
      this.#document.getText('text').insert(start + typed, phrase.charAt(typed))
      this.#typeOn()
    })
  }

  #tellAll(kind: number, body: Uint8Array): void {
    for (const link of this.#links) tell(link, kind, body)
  }

  #soon(ms: number, task: () => void): void {
    this.#life.clock.after(ms * (0.5 + fraction(this.#life.random)), task)
  }
}

const askFrame = 1
const answerFrame = 2
const updateFrame = 3

function tell(link: Link, kind: number, body: Uint8Array): void {
  const frame = new Uint8Array(1 + body.byteLength)
  frame[0] = kind
  frame.set(body, 1)
  link.send(frame)
}
