import type { Counted } from './promises.js'

/** Adds up what many runs did, and says it at the end: a run that did nothing proves nothing. */
export class Tally {
  readonly counted: Counted = { acknowledged: 0, added: 0, entries: 0, removed: 0, early: 0 }
  readonly #what: string
  readonly #wanted: number
  readonly #seed: string
  readonly #startedMs = performance.now()
  #runs = 0

  constructor(what: string, wanted: number, seed: string) {
    this.#what = what
    this.#wanted = wanted
    this.#seed = seed
  }

  get runs(): number {
    return this.#runs
  }

  /** One more; campaigns say now and then how far they are. */
  run({ acknowledged }: Counted): void {
    this.#runs++
    if (this.#wanted < 100 || this.#runs % 25 !== 0) return
    console.log(`${this.#runs} ${this.#what}, ${acknowledged} acknowledged with this log`)
  }

  /** What one log did in its life. */
  life(counted: Counted): void {
    for (const key of Object.keys(counted) as (keyof Counted)[]) this.counted[key] += counted[key]
  }

  print(): void {
    const seconds = Math.round((performance.now() - this.#startedMs) / 1000)
    const { acknowledged, added, entries, removed } = this.counted
    console.log(
      `SEED=${this.#seed}: ${this.#runs} ${this.#what} in ${seconds} s; ` +
        `${acknowledged} ops acknowledged (${added} rows), ${entries} entries seen, ` +
        `${removed} rows retired`,
    )
  }
}
