/** Who is here, how one is linked with them, and how far each is in the log: the picture in words. */
import type { LinkInfo } from '@holdfast/client'
import { element } from '../dom.js'
import type { MeshModel, Participant } from '../mesh/model.js'

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

  show({ participants, archive }: MeshModel, links: readonly LinkInfo[]): void {
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
          element('span', { className: 'seq' }, placeOf(participant, archive.head)),
        )
      }),
    )
  }
}

/** Its cursor against the archive's head. */
function placeOf({ seq }: Participant, head: number | undefined): string {
  if (seq === undefined) return ''
  const behind = (head ?? seq) - seq
  return behind > 0 ? `${behind} behind` : `at #${seq}`
}

function wordsFor({ isSelf, isAnchored }: Participant, link: LinkInfo | undefined): string {
  if (isSelf) return 'you'
  if (link === undefined) return isAnchored ? 'through the archive' : 'through others'
  const trip = link.roundTripMs === undefined ? '' : `, ${Math.round(link.roundTripMs)} ms`
  return `${pathInWords[link.path]}${trip}`
}
