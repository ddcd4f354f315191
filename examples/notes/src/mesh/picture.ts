/*
 * The mesh, live: who is here, which links are direct, relayed or through the archive, edits that
 * travel along them, and below, cut into the rock, the archive's log with everybody's cursor.
 */
import { curve, height, hold, places, seabed, width, type Point } from './layout.js'
import { Legend } from './legend.js'
import {
  archiveId,
  keyOfLine,
  sentenceOf,
  type Line,
  type MeshModel,
  type Participant,
} from './model.js'
import { Pulses } from './pulses.js'
import { svg } from './svg.js'
import { Tape } from './tape.js'

/** With more than these there is less room for each. */
const crowd = 8
/** With more than these there is no room for names. */
const throng = 15

export class Picture {
  readonly #root: SVGSVGElement
  readonly #caption: HTMLElement
  readonly #legend = new Legend()
  readonly #titleOf: (document: string) => string
  readonly #lines = svg('g', { class: 'lines' })
  readonly #peers = svg('g', { class: 'peers' })
  readonly #pathByLine = new Map<string, SVGPathElement>()
  readonly #groupById = new Map<string, SVGGElement>()
  readonly #pulses: Pulses
  readonly #tape = new Tape()
  readonly #rock = svg('g', { class: 'rock' })

  /** @param titleOf what a document is called by those who write it */
  constructor(home: HTMLElement, titleOf: (document: string) => string) {
    this.#titleOf = titleOf
    this.#root = svg('svg', {
      viewBox: `0 0 ${width} ${height}`,
      // The caption says what it shows.
      'aria-hidden': 'true',
      preserveAspectRatio: 'xMidYMid meet',
    })
    this.#caption = document.createElement('figcaption')
    this.#caption.className = 'hidden'
    const dots = svg('g', { class: 'pulses' })
    this.#pulses = new Pulses(dots)
    this.#rock.append(
      svg('path', { class: 'stone', d: stone() }),
      svg('text', { class: 'label', x: 14, y: seabed + 20 }, 'archive'),
      this.#tape.root,
    )
    this.#root.append(this.#lines, this.#rock, dots, this.#peers)
    home.append(this.#root, this.#caption, this.#legend.root)
  }

  show(model: MeshModel): void {
    const at = places(model.participants)
    this.#root.classList.toggle('crowded', model.participants.length > crowd)
    this.#root.classList.toggle('throng', model.participants.length > throng)
    this.#rock.setAttribute('data-state', model.archive.state)
    this.#showLines(model.lines, at)
    this.#showPeers(model.participants, at)
    this.#tape.show(model.archive, model.participants)
    this.#caption.textContent = sentenceOf(model)
    this.#legend.show(model, this.#titleOf)
    if (model.compaction !== undefined) this.#tape.compacted(model.compaction)
  }

  /** An edit on its way. Nothing is drawn for those who want less motion. */
  pulse(from: string, to: string, colour: string): void {
    const path = this.#pathByLine.get(keyOfLine({ from, to, kind: 'direct' }))
    if (path !== undefined) this.#pulses.send(path, path.dataset['from'] !== from, colour)
  }

  #showLines(lines: readonly Line[], at: ReadonlyMap<string, Point>): void {
    const seen = new Set<string>()
    for (const line of lines) {
      const from = at.get(line.from)
      const to = line.to === archiveId && from ? hold(from) : at.get(line.to)
      if (from === undefined || to === undefined) continue
      const key = keyOfLine(line)
      seen.add(key)
      const path = this.#pathByLine.get(key) ?? this.#addLine(key)
      path.dataset['from'] = line.from
      path.dataset['to'] = line.to
      path.setAttribute('class', `line ${line.kind}`)
      path.setAttribute(
        'd',
        curve(from, to, line.to === archiveId ? (from.x < width / 2 ? 9 : -9) : -10),
      )
    }
    for (const [key, path] of this.#pathByLine) {
      if (seen.has(key)) continue
      this.#pathByLine.delete(key)
      path.remove()
    }
  }

  #addLine(key: string): SVGPathElement {
    const path = svg('path', { class: 'line' })
    this.#pathByLine.set(key, path)
    this.#lines.append(path)
    return path
  }

  #showPeers(participants: readonly Participant[], at: ReadonlyMap<string, Point>): void {
    const seen = new Set<string>()
    for (const participant of participants) {
      const place = at.get(participant.id)
      if (place === undefined) continue
      seen.add(participant.id)
      const group = this.#groupById.get(participant.id) ?? this.#addPeer(participant.id)
      group.setAttribute('class', participant.isSelf ? 'peer self' : 'peer')
      group.style.transform = `translate(${place.x}px, ${place.y}px)`
      group.setAttribute('data-id', participant.id)
      const [halo, disc, letter, name] = group.children
      halo?.setAttribute('stroke', participant.colour)
      disc?.setAttribute('fill', participant.colour)
      if (letter) letter.textContent = participant.name.slice(0, 1).toUpperCase()
      if (name) name.textContent = participant.isSelf ? 'you' : participant.name
    }
    for (const [id, group] of this.#groupById) {
      if (seen.has(id)) continue
      this.#groupById.delete(id)
      group.classList.add('leaving')
      group.addEventListener('animationend', () => group.remove(), { once: true })
      // Where nothing is animated there is no end to wait for.
      if (getComputedStyle(group).animationName === 'none') group.remove()
    }
  }

  #addPeer(id: string): SVGGElement {
    const group = svg('g', { class: 'peer' })
    group.append(
      svg('circle', { class: 'halo', r: 19 }),
      svg('circle', { class: 'disc', r: 14 }),
      svg('text', { class: 'letter', y: 4.5 }),
      svg('text', { class: 'name', y: 33 }),
    )
    this.#groupById.set(id, group)
    this.#peers.append(group)
    return group
  }
}

/** The rock that everything holds fast to. */
function stone(): string {
  const top = [
    [0, 14],
    [42, 6],
    [96, 10],
    [150, 1],
    [200, -2],
    [252, 2],
    [306, 9],
    [356, 5],
    [400, 13],
  ] as const
  const line = top.map(([x, y]) => `${x} ${seabed + y}`).join(' L')
  return `M${line} L${width} ${height} L0 ${height}Z`
}
