import type { DemoMesh, LinkView, PeerView } from './demo-mesh.js'

/** Lines of a picture: four peers, six links, the rest. */
export const pictureRows = 15

/** The mesh as it is now, as lines that fit. */
export function drawPicture(mesh: DemoMesh, columns: number, hasColours: boolean): string[] {
  const paint = hasColours ? coloured : plain
  const { frames, dropped } = mesh.traffic
  const agreed = new Set(mesh.peers.map(({ text }) => text)).size === 1
  const rows: Row[] = [
    [`${(mesh.elapsedMs / 1000).toFixed(1).padStart(5)} s   ${mesh.act}`],
    [''],
    ...mesh.peers.map((peer) => peerRow(peer)),
    [''],
    ...mesh.links.map((link) => linkRow(link)),
    [''],
    [`  ${frames} frames sent, ${dropped} lost · texts: `, agreed ? 'equal' : 'different'],
  ]
  return rows.map(([text, state, rest]) => {
    const room = Math.max(10, columns - 1)
    const line = text.slice(0, room)
    const left = room - line.length
    const mark = (state ?? '').slice(0, left)
    return line + paint(mark) + (rest ?? '').slice(0, left - mark.length)
  })
}

/** Plain words, one that has a colour, plain words. */
type Row = readonly [text: string, state?: string, rest?: string]

function peerRow({ name, isUp, text }: PeerView): Row {
  return [`  ${name.padEnd(9)}`, isUp ? 'up  ' : 'down', `  ${isUp ? text : ''}`]
}

function linkRow({ a, b, isOpen, isCut, framesInFlight }: LinkView): Row {
  const state = isCut ? 'cut ' : isOpen ? 'open' : 'down'
  return [`  ${`${a} – ${b}`.padEnd(18)}`, state, `  ${'•'.repeat(Math.min(framesInFlight, 24))}`]
}

const plain = (word: string): string => word

const colours: Readonly<Record<string, number>> = {
  up: 32,
  open: 32,
  equal: 32,
  down: 31,
  cut: 31,
  different: 33,
}

function coloured(word: string): string {
  const colour = colours[word.trim()]
  return colour === undefined ? word : `\u001b[${colour}m${word}\u001b[0m`
}
