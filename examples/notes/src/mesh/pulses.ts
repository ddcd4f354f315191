import { svg } from './svg.js'

/** More at once say nothing more, and cost frames. */
const maxPulses = 48
const travelMs = 620

interface Pulse {
  readonly dot: SVGCircleElement
  readonly path: SVGPathElement
  readonly isBackwards: boolean
  readonly startedAt: number
}

/** Dots that travel along lines: one for an edit that went over a link. */
export class Pulses {
  readonly #home: SVGGElement
  readonly #pulses = new Set<Pulse>()
  readonly #wantsLess = matchMedia('(prefers-reduced-motion: reduce)')
  #isRunning = false

  constructor(home: SVGGElement) {
    this.#home = home
  }

  send(path: SVGPathElement, isBackwards: boolean, colour: string): void {
    if (this.#wantsLess.matches || document.hidden || this.#pulses.size >= maxPulses) return
    const dot = svg('circle', { class: 'pulse', r: 3.4, fill: colour })
    this.#home.append(dot)
    this.#pulses.add({ dot, path, isBackwards, startedAt: performance.now() })
    if (this.#isRunning) return
    this.#isRunning = true
    requestAnimationFrame((now) => this.#frame(now))
  }

  #frame(now: number): void {
    for (const pulse of this.#pulses) {
      const share = (now - pulse.startedAt) / travelMs
      if (share >= 1 || !pulse.path.isConnected) {
        pulse.dot.remove()
        this.#pulses.delete(pulse)
        continue
      }
      const length = pulse.path.getTotalLength()
      const eased = share * share * (3 - 2 * share)
      const at = pulse.path.getPointAtLength(length * (pulse.isBackwards ? 1 - eased : eased))
      pulse.dot.setAttribute('cx', String(at.x))
      pulse.dot.setAttribute('cy', String(at.y))
    }
    this.#isRunning = this.#pulses.size > 0
    if (this.#isRunning) requestAnimationFrame((next) => this.#frame(next))
  }
}
