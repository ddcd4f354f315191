import { barText, numberText } from './figures.js'
import type { Progress } from './spec.js'
import type { Terminal } from './terminal.adapter.js'

/**
 * Shows progress: as a bar that is redrawn where somebody is watching, else as one line a step when
 * that is done.
 */
export class ProgressDisplay {
  readonly #terminal: Terminal
  #isDrawn = false
  #lastStep = ''

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  show({ step, done, total }: Progress): void {
    const isDone = total > 0 && done >= total
    if (!this.#terminal.isLive) {
      if (!isDone || step === this.#lastStep) return
      this.#lastStep = step
      this.#terminal.writeError(`${step}: ${numberText(done)}\n`)
      return
    }
    const part = total > 0 ? done / total : 0
    const figures =
      total > 0 ? ` ${Math.floor(part * 100)} %  ${numberText(done)} of ${numberText(total)}` : ''
    const line = `${step.padEnd(stepWidth)} ▕${barText(part, barWidth)}▏${figures}`
    this.#terminal.writeError(`\r${line.slice(0, this.#terminal.columns - 1)}\u001B[K`)
    this.#isDrawn = true
  }

  /** Makes room for what is written next. */
  clear(): void {
    if (!this.#isDrawn) return
    this.#terminal.writeError('\r\u001B[K')
    this.#isDrawn = false
  }
}

const stepWidth = 20
const barWidth = 30
