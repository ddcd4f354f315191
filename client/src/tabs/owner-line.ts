/**
 * The line of a tab to the one that owns the store, and the watch over that one.
 *
 *   alone ──`owner` is heard──► joining ──welcome──► joined
 *     ▲ │                          │                    │
 *     │ └── who? … nobody ──► onNobody                  │
 *     └── it leaves, something is missing, silence ─────┘
 *
 * A hidden owner answers as fast as a visible one: messages are not held back, only timers are. Who
 * does not answer is frozen, or its page hangs.
 */
import { Listeners } from '@holdfast/peer'
import { jittered, type Clock, type Random, type Undo } from '@holdfast/peer/ports'
import { hexOf, type InstanceId } from '@holdfast/peer/protocol'
import { tabsBounds as bounds } from './limits.js'
import { TabLine } from './tab-line.js'
import type { Call, FollowerWord, LineWord, OwnerWord } from './words.js'

/** What an owner says of itself to whoever joins. */
export type Welcome = Extract<OwnerWord, { what: 'welcome' }>

export interface OwnerLineOptions {
  readonly instance: InstanceId
  readonly clock: Clock
  readonly random: Random
  readonly call: (call: Call) => void
  readonly post: (to: string, line: LineWord) => void
  /** All were asked, and nobody has the store or is about to. */
  readonly nobody: () => void
}

export class OwnerLine {
  readonly #options: OwnerLineOptions
  readonly onUp = new Listeners<[Welcome]>()
  readonly onDown = new Listeners<[]>()
  readonly onWord = new Listeners<[OwnerWord]>()
  #owner: string | undefined
  #line: TabLine | undefined
  #welcome: Welcome | undefined
  #heardAtMs: number
  #askedAtMs: number | undefined
  #pingedAtMs = 0
  #roundTripMs: number | undefined
  #ticking: Undo | undefined
  #isClosed = false

  constructor(options: OwnerLineOptions) {
    this.#options = options
    this.#heardAtMs = options.clock.monotonic()
  }

  /** Of the tab, as long as it follows. */
  get instance(): InstanceId {
    return this.#options.instance
  }

  start(): void {
    this.#heardAtMs = this.#options.clock.monotonic()
    this.#options.call('who')
    this.#tickLater()
  }

  /** What the owner said of itself; undefined while there is none. */
  get owner(): Welcome | undefined {
    return this.#welcome
  }

  get roundTripMs(): number | undefined {
    return this.#roundTripMs
  }

  /** False: nobody hears it. What matters is said again when `onUp` is told. */
  say(word: FollowerWord): boolean {
    if (this.#welcome === undefined) return false
    this.#line?.say(word)
    return true
  }

  called(from: string, call: Call): void {
    if (this.#isClosed) return
    if (call === 'owner' || call === 'settling') this.#heard()
    if (call === 'owner' && (from !== this.#owner || this.#line === undefined)) this.#join(from)
    if (call === 'leaving' && from === this.#owner) this.#drop()
  }

  /** False: it is about another line. */
  hear(from: string, said: LineWord): boolean {
    if (this.#isClosed || from !== this.#owner || said.name !== this.#line?.name) return false
    this.#heard()
    this.#line.take(said)
    return true
  }

  /** Nothing is armed afterwards. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#ticking?.()
    this.#line?.close()
    this.#welcome = undefined
    for (const listeners of [this.onUp, this.onDown, this.onWord]) listeners.clear()
  }

  #join(owner: string): void {
    this.#drop()
    const { random, post, instance } = this.#options
    this.#owner = owner
    this.#line = new TabLine({
      name: hexOf(random.bytes(16)),
      post: (line) => post(owner, line),
      hear: (word) => this.#said(word as OwnerWord),
      broken: () => {
        this.#drop()
        this.#options.call('who')
      },
    })
    this.#line.say({ what: 'join', instance } satisfies FollowerWord)
  }

  #drop(): void {
    const wasUp = this.#welcome !== undefined
    this.#line?.close()
    this.#line = undefined
    this.#owner = undefined
    this.#welcome = undefined
    this.#roundTripMs = undefined
    if (wasUp) this.onDown.tell()
  }

  #heard(): void {
    this.#heardAtMs = this.#options.clock.monotonic()
    this.#askedAtMs = undefined
  }

  #said(word: OwnerWord): void {
    if (word.what === 'pong') {
      this.#roundTripMs = this.#options.clock.monotonic() - this.#pingedAtMs
    } else if (word.what === 'welcome') {
      this.#welcome = word
      this.onUp.tell(word)
    } else this.onWord.tell(word)
  }

  #tickLater(): void {
    const { clock, random } = this.#options
    this.#ticking = clock.after(jittered(random, bounds.pingEveryMs), () => {
      this.#tickLater()
      this.#tick()
    })
  }

  #tick(): void {
    const { clock, call, nobody, random } = this.#options
    const nowMs = clock.monotonic()
    if (nowMs - this.#heardAtMs < bounds.silentAfterMs) {
      this.#pingedAtMs = nowMs
      if (this.#line === undefined) call('who')
      else this.#line.say({ what: 'ping' } satisfies FollowerWord)
      return
    }
    this.#drop()
    // Whoever has just thawed has heard nothing for long: it asks before it believes that.
    this.#askedAtMs ??= nowMs
    if (nowMs - this.#askedAtMs < jittered(random, bounds.stealAfterMs)) {
      call('who')
      return
    }
    this.#heard()
    nobody()
  }
}
