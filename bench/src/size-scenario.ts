import { bundleSizes, mostGzipBytes, type BundleSize } from '@holdfast/tests/bundle-sizes'
import { UsageError, type Figure, type Scenario } from './report.js'

export const scenario: Scenario = {
  about: 'what a page gets bigger by: client and mesh, the mesh alone, worker, WebAssembly (5 s)',
  run: async (args) => {
    if (args.length > 0) throw new UsageError(`size takes no options, got ${args.join(' ')}`)
    const sizes = await bundleSizes()
    const peers = sizes.filter(({ name }) => name === 'simple-peer' || name === 'y-webrtc')
    const beside = peers.map(({ name, gzipBytes }) => `${name} ${kilobytes(gzipBytes)}`).join(', ')
    return sizes.filter((size) => !peers.includes(size)).map((size) => figureOf(size, beside))
  },
}

function figureOf({ name, what, minifiedBytes, gzipBytes }: BundleSize, beside: string): Figure {
  const most = Object.entries(mostGzipBytes).find(([bounded]) => bounded === name)?.[1]
  return {
    id: `M10-${name}`,
    what: peersOf.has(name) ? `${what}, without Yjs` : what,
    figure: `${kilobytes(gzipBytes)} gzip, ${kilobytes(minifiedBytes)} minified`,
    ...(peersOf.has(name) ? { beside: `${beside} gzip` } : {}),
    ...(most === undefined ? {} : { goal: `≤ ${kilobytes(most)}`, met: gzipBytes <= most }),
  }
}

/** What y-webrtc stands beside; without Yjs, as y-webrtc is counted. */
const peersOf: ReadonlySet<string> = new Set(['client', 'mesh'])

/** Of 1,000 bytes, as bundlers count. */
function kilobytes(bytes: number): string {
  return `${(bytes / 1_000).toFixed(1)} kB`
}
