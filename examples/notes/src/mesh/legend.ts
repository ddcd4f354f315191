/** What the lines of the picture mean, and how many there are of each; nothing of what is not there. */
import { element } from '../dom.js'
import { countOf, type LineKind, type MeshModel } from './model.js'
import { svg } from './svg.js'

const meanings: readonly (readonly [LineKind, string])[] = [
  ['direct', 'direct'],
  ['relayed', 'through the signaller'],
  ['tab', 'between tabs'],
  ['archive', 'to the archive'],
]

export class Legend {
  readonly root = element('div', { className: 'legend' })
  // The caption says the same to those who do not see the lines.
  readonly #kinds = element('ul', { className: 'kinds', 'aria-hidden': 'true' })
  readonly #invitation = element(
    'p',
    {},
    'Nobody else is here. ',
    element(
      'a',
      { href: location.href, target: '_blank', rel: 'noopener' },
      'Open a second window',
    ),
    ', and write.',
  )
  readonly #compaction = element('p', { className: 'compacted' })
  #drawn = ''

  constructor() {
    this.root.append(this.#kinds, this.#invitation, this.#compaction)
  }

  /** @param titleOf what a document is called by those who write it */
  show({ lines, participants, compaction }: MeshModel, titleOf: (id: string) => string): void {
    const counts = meanings
      .map(([kind, words]) => ({ kind, words, count: countOf(lines, kind) }))
      .filter(({ count }) => count > 0)
    this.#invitation.hidden = participants.length > 1
    this.#compaction.textContent =
      compaction === undefined
        ? ''
        : `Compacted: ${compaction.removed} entries of “${titleOf(compaction.document)}” became one.`
    const drawn = JSON.stringify(counts)
    if (drawn === this.#drawn) return
    this.#drawn = drawn
    this.#kinds.replaceChildren(
      ...counts.map(({ kind, words, count }) =>
        element('li', { 'data-kind': kind }, sample(kind), `${count} ${words}`),
      ),
    )
  }
}

function sample(kind: LineKind): SVGSVGElement {
  const home = svg('svg', { viewBox: '0 0 26 8', class: 'sample' })
  home.append(svg('path', { class: `line ${kind}`, d: 'M1 4H25' }))
  return home
}
