/*
 * The archive's log, cut into the rock: the last entries as ticks, and above them a flag for each
 * peer, standing where its own store has got to.
 */
import { seabed, width } from './layout.js'
import type { MeshModel, Participant } from './model.js'
import { svg } from './svg.js'

const shown = 60
const left = 20
const right = width - 20
const top = seabed + 40

export class Tape {
  readonly root = svg('g', { class: 'tape' })
  readonly #ticks = svg('g', { class: 'ticks' })
  readonly #flags = svg('g', { class: 'flags' })
  readonly #head = svg('text', { class: 'head', x: right, y: seabed + 20 })
  readonly #note = svg('text', { class: 'compaction', x: width / 2, y: seabed + 20 })
  readonly #flagById = new Map<string, SVGPathElement>()
  #drawn = ''

  constructor() {
    this.root.append(
      svg('path', { class: 'groove', d: `M${left} ${top + 6}H${right}` }),
      this.#ticks,
      this.#flags,
      this.#head,
      this.#note,
    )
  }

  show(archive: MeshModel['archive'], participants: readonly Participant[]): void {
    const head = archive.head ?? Math.max(0, ...participants.map(({ seq }) => seq ?? 0))
    this.#head.textContent =
      archive.state === 'none' ? 'not configured' : archive.state === 'away' ? 'away' : `#${head}`
    const first = Math.max(0, head - shown)
    this.#showTicks(first, head)
    this.#showFlags(first, participants)
  }

  compacted(removed: number): void {
    this.#note.textContent = `${removed} entries folded into one`
    this.root.classList.remove('compacting')
    // Reading a size makes the browser see the class gone, so that the animation begins again.
    void this.root.getBoundingClientRect()
    this.root.classList.add('compacting')
  }

  #showTicks(first: number, head: number): void {
    const drawn = `${first} ${head}`
    if (drawn === this.#drawn) return
    this.#drawn = drawn
    this.#ticks.replaceChildren()
    for (let seq = first + 1; seq <= head; seq++) {
      const isTenth = seq % 10 === 0
      this.#ticks.append(
        svg('path', {
          class: isTenth ? 'tick tenth' : 'tick',
          d: `M${placeOf(seq, first)} ${top + 6}v${isTenth ? 12 : 8}`,
        }),
      )
    }
  }

  #showFlags(first: number, participants: readonly Participant[]): void {
    const seen = new Set<string>()
    const anchored = participants.filter(({ seq }) => seq !== undefined)
    for (const [index, { id, seq = 0, colour, isSelf }] of anchored.entries()) {
      seen.add(id)
      const flag = this.#flagById.get(id) ?? this.#addFlag(id)
      // Those that stand in one place stand one above the other.
      const lift = anchored.slice(0, index).filter((other) => other.seq === seq).length
      flag.setAttribute('class', isSelf ? 'flag self' : 'flag')
      flag.setAttribute('fill', colour)
      flag.setAttribute('data-seq', String(seq))
      const y = top + 3 - Math.min(lift, 3) * 4
      flag.style.transform = `translate(${placeOf(Math.max(seq, first), first)}px, ${y}px)`
    }
    for (const [id, flag] of this.#flagById) {
      if (seen.has(id)) continue
      this.#flagById.delete(id)
      flag.remove()
    }
  }

  #addFlag(id: string): SVGPathElement {
    const flag = svg('path', { class: 'flag', d: 'M0 0l-4 -7h8z' })
    this.#flagById.set(id, flag)
    this.#flags.append(flag)
    return flag
  }
}

function placeOf(seq: number, first: number): number {
  return Math.round((left + ((right - left) * (seq - first)) / shown) * 10) / 10
}
