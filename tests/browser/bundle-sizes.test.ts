import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from '../unit/tools/run.js'
import { bundleSizes, mostGzipBytes } from './bundle-sizes.js'

const sizes = await bundleSizes()

test('[M10] what a page gets bigger by stays below its bounds, minified and gzipped, without Yjs', () => {
  const bounds = Object.entries(mostGzipBytes)
  const outside = bounds.flatMap(([name, most]) => {
    const bytes = sizes.find((size) => size.name === name)?.gzipBytes ?? 0
    // A bound that is far away watches nothing.
    return bytes <= most && bytes > most / 2 ? [] : [`${name} is ${bytes}, and its bound ${most}`]
  })
  expect(bounds).toHaveLength(4)
  expect(outside).toEqual([])
})

test('[M10] the README states them', () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  const stated =
    /\| (\d+) kB \(mesh alone: (\d+) kB\); the store's worker loads (\d+) kB \| (\d+) kB/.exec(
      readme,
    )
  const [client, mesh, worker, wasm, , yWebrtc] = sizes.map(({ gzipBytes }) => gzipBytes / 1_000)
  const measured = [client, mesh, (worker ?? 0) + (wasm ?? 0), yWebrtc]
  const ratios = measured.map((kilobytes = 0, at) => kilobytes / Number(stated?.[at + 1]))
  // What is built meanwhile changes it by less than it says in whole numbers, or somewhat more.
  expect(ratios.filter((ratio) => !(ratio > 0.95 && ratio < 1.05))).toEqual([])
})
