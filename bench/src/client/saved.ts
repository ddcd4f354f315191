import { serveApp } from '@holdfast/tests/app-server'
import { Profile } from '@holdfast/tests/profile'
import { median, type Figure } from '../report.js'

/**
 * C1: until one edit is saved by sql.js in Chromium, in a database of 10 MB and in one of 100 KB, turn
 * and turn about, beside a bare record in IndexedDB. Each is as durable as the browser can (`strict`).
 */
export async function measureSaved(): Promise<readonly Figure[]> {
  const app = await serveApp({ module: 'saved' })
  const profile = new Profile()
  try {
    const page = await app.open(await profile.start())
    const measure = async (name: string, ...args: unknown[]): Promise<number[]> =>
      (await page.call(name, ...args)) as number[]
    const largeBytes = Number(await page.call('fill', 'large', 10_000_000))
    const smallBytes = Number(await page.call('fill', 'small', 100_000))
    const [large, small, floor]: [number[], number[], number[]] = [[], [], []]
    for (let round = 0; round <= rounds; round++) {
      const from = round * editsARound
      const [inLarge, inSmall, bare] = [
        await measure('edit', 'large', from, editsARound),
        await measure('edit', 'small', from, editsARound),
        await measure('record', from, editsARound),
      ]
      // The first round warms up.
      if (round === 0) continue
      large.push(...inLarge)
      small.push(...inSmall)
      floor.push(...bare)
    }
    const ratio = median(large) / median(small)
    return [
      {
        id: 'C1',
        what: `\`saved\` of one edit, sql.js in Chromium, ${megabytes(largeBytes)}`,
        figure: told(large),
        beside: `${megabytes(smallBytes)}: ${told(small)}; a bare record in IndexedDB: ${told(floor)}`,
        goal: 'median ≤ 10 ms',
        met: median(large) <= 10,
      },
      {
        id: 'C1-size',
        what: `the same, ${megabytes(largeBytes)} beside ${megabytes(smallBytes)}`,
        figure: `${ratio.toFixed(2)} ×`,
        goal: 'independent of the size: ≤ 1.5 ×',
        met: ratio <= 1.5,
      },
    ]
  } finally {
    await profile.close()
    await app.close()
  }
}

const rounds = 6
const editsARound = 50

function told(took: readonly number[]): string {
  const sorted = took.toSorted((a, b) => a - b)
  const p95 = sorted[Math.floor(sorted.length * 0.95)] ?? Number.NaN
  return `median ${median(took).toFixed(2)} ms, p95 ${p95.toFixed(1)} ms`
}

function megabytes(bytes: number): string {
  return bytes < 1e6 ? `${Math.round(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`
}
