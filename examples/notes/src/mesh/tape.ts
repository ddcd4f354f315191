/*
 * The archive's log, cut into the rock: the last entries as ticks, and above them a flag for each
 * peer, standing where its own store has got to.
 */
import { seabed, width } from './layout.js'
import type { Compaction, MeshModel, Participant } from './model.js'
import { svg } from './svg.js'

/** So many entries back; who is further behind stands at the left end. */
const shown = 60
const left = 20
const right = width - 20
const top = seabed + 68
/** Flags in one place stand one above the other, up to here. */
const stacked = 4
const flagHeight = 11

export class Tape {
  readonly root = svg('g', { class: 'tape' })
  readonly #ticks = svg('g', { class: 'ticks' })
  readonly #flags = svg('g', { class: 'flags' })
  readonly #more = svg('g', { class: 'more' })
  readonly #head = svg('text', { class: 'head', x: right, y: seabed + 20 })
  readonly #note = svg('text', { class: 'compaction', x: width / 2, y: seabed + 20 })
  readonly #flagById = new Map<string, SVGGElement>()
  #drawn = ''
  #compacted = ''

  constructor() {
    this.root.append(
      svg('path', { class: 'groove', d: `M${left} ${top + 6}H${right}` }),
      this.#ticks,
      this.#flags,
      this.#more,
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

  /** Shows each compaction once, however often it is told. */
  compacted(compaction: Compaction): void {
    const text = JSON.stringify(compaction)
    if (text === this.#compacted) return
    this.#compacted = text
    this.#note.textContent = `${compaction.removed} entries folded into one`
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
    const countByPlace = new Map<number, number>()
    // One's own stands lowest.
    const anchored = participants
      .filter(({ seq }) => seq !== undefined)
      .toSorted((a, b) => Number(b.isSelf) - Number(a.isSelf))
    for (const { id, seq = 0, colour, name, isSelf } of anchored) {
      seen.add(id)
      const flag = this.#flagById.get(id) ?? this.#addFlag(id)
      const place = placeOf(Math.max(seq, first), first)
      const lift = countByPlace.get(place) ?? 0
      countByPlace.set(place, lift + 1)
      // Towards the side where there is room for it.
      const side = place < left + 20 ? 'right' : 'left'
      flag.setAttribute('class', `flag ${side}${isSelf ? ' self' : ''}`)
      flag.setAttribute('fill', colour)
      flag.setAttribute('data-seq', String(seq))
      flag.toggleAttribute('hidden', lift >= stacked)
      const [cloth, letter] = flag.children
      cloth?.setAttribute('d', side === 'left' ? 'M0 2V-10H-14V-1H0' : 'M0 2V-10H14V-1H0')
      letter?.setAttribute('x', side === 'left' ? '-7' : '7')
      if (letter) letter.textContent = name.slice(0, 1).toUpperCase()
      flag.style.transform = `translate(${place}px, ${top + 3 - Math.min(lift, stacked - 1) * flagHeight}px)`
    }
    for (const [id, flag] of this.#flagById) {
      if (seen.has(id)) continue
      this.#flagById.delete(id)
      flag.remove()
    }
    this.#more.replaceChildren(
      ...[...countByPlace]
        .filter(([, count]) => count > stacked)
        .map(([place, count]) => {
          const y = top + 1 - (stacked - 0.5) * flagHeight
          const isLeft = place >= left + 20
          const x = place + (isLeft ? -18 : 18)
          const anchor = isLeft ? 'end' : 'start'
          return svg('text', { x, y, 'text-anchor': anchor }, `+${count - stacked}`)
        }),
    )
  }

  #addFlag(id: string): SVGGElement {
    const flag = svg('g', { class: 'flag' })
    flag.append(svg('path'), svg('text', { y: -2.6 }))
    this.#flagById.set(id, flag)
    this.#flags.append(flag)
    return flag
  }
}

function placeOf(seq: number, first: number): number {
  return Math.round((left + ((right - left) * (seq - first)) / shown) * 10) / 10
}
