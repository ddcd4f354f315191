/** Who is here and how one is linked with them, in words: what the picture says to those who read. */
import type { LinkInfo } from '@holdfast/client'
import { element } from '../dom.js'
import type { Participant } from '../mesh/model.js'

const pathInWords = {
  webrtc: 'direct',
  relay: 'through the signaller',
  websocket: 'WebSocket',
  port: 'tab of this browser',
  simulated: 'simulated',
} as const

export class People {
  readonly #list = element('ul', { className: 'people' })

  constructor(home: HTMLElement) {
    home.append(element('h3', {}, 'Who is here'), this.#list)
  }

  show(participants: readonly Participant[], links: readonly LinkInfo[]): void {
    this.#list.replaceChildren(
      ...participants.map((participant) => {
        const link = links.find(({ id }) => id === participant.id)
        const dot = element('span', { className: 'dot', 'aria-hidden': 'true' })
        dot.style.background = participant.colour
        return element(
          'li',
          {},
          dot,
          element('span', { className: 'who' }, participant.name),
          element('span', { className: 'how' }, wordsFor(participant, link)),
        )
      }),
    )
  }
}

function wordsFor({ isSelf, isAnchored }: Participant, link: LinkInfo | undefined): string {
  if (isSelf) return 'you'
  if (link === undefined) return isAnchored ? 'through the archive' : 'through others'
  const trip = link.roundTripMs === undefined ? '' : `, ${Math.round(link.roundTripMs)} ms`
  return `${pathInWords[link.path]}${trip}`
}
