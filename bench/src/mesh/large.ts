/** M3: the largest document that comes across, and whether a letter typed afterwards does. */
import type { Figure } from '../report.js'
import { allSee, seconds, type Extent } from './crowd.js'
import { sharedNowMs, type PeerKind } from './peer-commands.js'
import { withCrowd } from './peer-process.js'

const KiB = 1_024
const MiB = 1_024 * KiB

const ourLetters = [1, 256 * KiB, 4 * MiB, 64 * MiB]
const theirLetters = [64 * KiB, 255 * KiB, 256 * KiB, MiB]

export async function largestDocument({ quick }: Extent): Promise<readonly Figure[]> {
  const ours = await climb('holdfast', ourLetters, quick ? 60_000 : 120_000)
  const theirs = await climb('y-webrtc', theirLetters, quick ? 10_000 : 20_000)
  return [
    {
      id: 'M3',
      what: 'largest document that comes across real WebRTC; then a letter typed at either side',
      figure: describe(ours),
      beside: `y-webrtc ${describe(theirs)}`,
      goal: '64 MiB; the letter arrives',
      met: ours.largest === 64 * MiB && ours.failed === undefined,
    },
  ]
}

interface Climbed {
  readonly largest: number
  readonly tookMs: number | undefined
  readonly failed?: { readonly letters: number; readonly typed: boolean } | undefined
}

/** From the smallest up, until one does not come; then what is typed is still looked for. */
async function climb(kind: PeerKind, sizes: readonly number[], withinMs: number): Promise<Climbed> {
  let climbed: Climbed = { largest: 0, tookMs: undefined }
  for (const letters of sizes) {
    const one = await withCrowd(kind, 2, async ({ peers, server, freshRoom }) => {
      const [a, b] = peers
      if (a === undefined || b === undefined) throw new Error('two were asked for')
      const room = freshRoom()
      await a.call('join', [{ server, room, letters }], withinMs)
      const startMs = sharedNowMs()
      await b.call('join', [{ server, room }])
      const atMs = await allSee([b], { letters }, withinMs)
      await a.call('typeLetter', [])
      if (atMs !== undefined) {
        await b.call('typeLetter', [])
        const typed = await allSee([a, b], { letters: letters + 2 }, 15_000)
        return { tookMs: atMs - startMs, typed: typed !== undefined }
      }
      // Of what is lost with the document, the least would be that a letter comes alone.
      const typed = await allSee([b], { letters: 1 }, 5_000)
      return { tookMs: undefined, typed: typed !== undefined }
    })
    if (one.tookMs === undefined || !one.typed) {
      return { ...climbed, failed: { letters, typed: one.typed } }
    }
    climbed = { largest: letters, tookMs: one.tookMs }
  }
  return climbed
}

function describe({ largest, tookMs, failed }: Climbed): string {
  const reached = `${sizeOf(largest)} in ${seconds(tookMs)}`
  if (failed === undefined) return `${reached}, the letters arrive`
  const { letters, typed } = failed
  return `${reached}; fails at ${sizeOf(letters)}, ${typed ? 'the letter arrives' : 'and loses the letter'}`
}

function sizeOf(letters: number): string {
  if (letters >= MiB) return `${letters / MiB} MiB`
  return letters >= KiB ? `${letters / KiB} KiB` : `${letters} B`
}
