import { webSocketLink } from '@holdfast/peer'
import type { Link } from '@holdfast/peer/ports'
import wrtc from '@roamhq/wrtc'
import { afterAll, expect, test } from 'vitest'
import { until } from '../contract/real-subject.js'
import { rtcPair } from '../real/rtc-pair.js'
import { answerOver, passOver, type Passed } from './bulk-and-live.js'
import { Control } from './control.js'
import { servePage } from './page-server.js'
import { rtcByControl } from './rtc-by-control.js'

const KiB = 1_024
const MiB = 1_024 * KiB

/** Around the size above which a data channel closes without a word, the largest document, a letter. */
const sizes = [1, 1_000, 256 * KiB - 1, 256 * KiB, 256 * KiB + 1, 4 * MiB, 64 * MiB, 1]

/** Ends in Node that a page sends to by itself. */
const toPage: Link[] = []

const server = await servePage({
  module: 'channels',
  onSocket: (socket, path) => {
    const control = new Control(webSocketLink(socket))
    const takes = (link: Link) => (path === '/node-answers' ? answerOver(link) : toPage.push(link))
    void rtcByControl(control, wrtc, false).then(takes)
  },
})
afterAll(() => server.close())
const page = await server.open()

test('[LINKS-11] [L43] [M3] in Node, messages of 1 byte to 64 MiB pass over WebRTC, small ones beside them, then one of a byte', async () => {
  const { a, b } = await rtcPair()
  answerOver(b)
  expectAllPassed(await passOver(a, sizes))
})

test('[LINKS-11] [L43] [M3] the same from Node to Chromium', async () => {
  await page.call('answer')
  await until(() => toPage.length > 0)
  const [link] = toPage
  if (link === undefined) throw new Error('the page did not come')
  expectAllPassed(await passOver(link, sizes))
})

test('[LINKS-11] [L43] [M3] the same from Chromium to Node', async () => {
  expectAllPassed((await page.call('pass', sizes)) as Passed[])
})

function expectAllPassed(passed: readonly Passed[]): void {
  expect(passed.map(({ bytes, same }) => ({ bytes, same }))).toEqual(
    sizes.map((bytes) => ({ bytes, same: true })),
  )
  // Behind 64 MiB a small one would have waited for its end; how fast they were is for benchmarks.
  const largest = passed.find(({ bytes }) => bytes === 64 * MiB)
  console.info(`beside 64 MiB: ${JSON.stringify(largest)}`)
  expect(largest?.roundTrips).toBeGreaterThan(20)
}
