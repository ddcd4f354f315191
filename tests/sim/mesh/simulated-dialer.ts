/**
 * Direct links in a simulated world, as WebRTC makes them: an offer, an answer and candidates go
 * back and forth, then a link stands; or it fails, or nothing ever happens, or one side alone
 * believes that it stands.
 */
import type { LinkAttempt, LinkAttemptOptions, LinkDialer } from '@holdfast/peer'
import type { Link } from '@holdfast/peer/ports'
import type { Life, World } from '@holdfast/peer/testing'

export interface DialWeather {
  /** An attempt ends with an error. */
  failRate: number
  /** Nothing is ever heard of it. */
  silentRate: number
  /** The caller has a link, and the other side never does. */
  halfRate: number
}

export class SimulatedRtc {
  readonly weather: DialWeather = { failRate: 0, silentRate: 0, halfRate: 0 }
  readonly #world: World
  readonly #attemptById = new Map<number, Attempt>()
  #lastId = 0
  /** Links that stood at both ends. */
  links = 0
  /** Ends of links that nobody was given. */
  readonly unclaimed = new Set<Link>()
  /** The most attempts that were open at one host at a time. */
  mostAttempts = 0
  readonly #openByHost = new Map<string, number>()

  constructor(world: World) {
    this.#world = world
  }

  dialer(life: Life): LinkDialer {
    return { attempt: (options) => new Attempt(this, life, options) }
  }

  register(attempt: Attempt): number {
    this.#attemptById.set(++this.#lastId, attempt)
    return this.#lastId
  }

  counted(host: string, by: 1 | -1): void {
    const open = (this.#openByHost.get(host) ?? 0) + by
    this.#openByHost.set(host, open)
    this.mostAttempts = Math.max(this.mostAttempts, open)
  }

  /** The caller has heard the answer. */
  connect(callerId: number, answererId: number): void {
    const { random, network } = this.#world
    const [caller, answerer] = [this.#attemptById.get(callerId), this.#attemptById.get(answererId)]
    if (caller === undefined || answerer === undefined) return
    const [a, b] = [caller.life.host, answerer.life.host]
    if (random.chance(this.weather.failRate)) {
      this.#world.count('dial fails')
      caller.later(random.between(50, 3_000), () => caller.fail())
      if (random.chance(0.5)) answerer.later(random.between(50, 3_000), () => answerer.fail())
    } else if (
      random.chance(this.weather.silentRate) ||
      network.isBlocked(a, b) ||
      network.isBlocked(b, a)
    ) {
      this.#world.count('dial is silent')
    } else {
      const isHalf = random.chance(this.weather.halfRate)
      if (isHalf) this.#world.count('dial is half')
      caller.later(random.between(20, 200), () => {
        if (caller.isOver) return
        const ends = network.connect(a, b)
        caller.linked(ends.a)
        answerer.later(random.between(5, 60), () => {
          if (isHalf) this.unclaimed.add(ends.b)
          else if (answerer.isOver) ends.b.close('nobody there')
          else {
            this.links++
            answerer.linked(ends.b)
          }
        })
      })
    }
  }
}

class Attempt implements LinkAttempt {
  readonly life: Life
  readonly #rtc: SimulatedRtc
  readonly #options: LinkAttemptOptions
  readonly #id: number
  #state: 'signalling' | 'linked' | 'over' = 'signalling'
  #isDescribed = false

  constructor(rtc: SimulatedRtc, life: Life, options: LinkAttemptOptions) {
    this.#rtc = rtc
    this.life = life
    this.#options = options
    this.#id = rtc.register(this)
    rtc.counted(life.host, 1)
    if (options.initiator) this.later(2, () => this.#describe('offer'))
  }

  get isOver(): boolean {
    return this.#state !== 'signalling'
  }

  signal(data: string): boolean {
    const [kind, id] = data.split(' ')
    if (kind === 'candidate' || this.#state === 'over') return kind === 'candidate'
    if (this.#isDescribed || kind !== (this.#options.initiator ? 'answer' : 'offer')) return false
    this.#isDescribed = true
    if (kind === 'offer') this.later(5, () => this.#describe('answer'))
    else this.#rtc.connect(this.#id, Number(id))
    return true
  }

  close(): void {
    this.#end('over')
  }

  later(ms: number, call: () => void): void {
    this.life.clock.after(ms, call)
  }

  linked(link: Parameters<LinkAttemptOptions['onLink']>[0]): void {
    if (this.isOver) return
    this.#end('linked')
    this.#options.onLink(link)
  }

  fail(): void {
    if (this.isOver) return
    this.#end('over')
    this.#options.onFailed('simulated')
  }

  #describe(kind: 'offer' | 'answer'): void {
    if (this.isOver) return
    this.#options.onSignal(`${kind} ${this.#id}`)
    this.later(3, () => {
      if (!this.isOver) this.#options.onSignal('candidate')
    })
  }

  #end(state: 'linked' | 'over'): void {
    if (this.#state === 'signalling') this.#rtc.counted(this.life.host, -1)
    this.#state = state
  }
}
