import type { MeshOptions } from '@holdfast/peer'
import wrtc from '@roamhq/wrtc'
import { afterAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { SignalProcess } from '../real/signal-process.js'
import { servePage } from './page-server.js'
import { documentSizes, SizedDocuments, type Sized } from './sized-documents.js'

const signal = await SignalProcess.start()
const server = `ws://127.0.0.1:${signal.port}/signal`
const node: MeshOptions = { server, WebSocket, rtc: wrtc }
const pages = await servePage({ module: 'sizes' })
afterAll(async () => {
  await pages.close()
  await signal.kill()
})

test('[MESH-19] [M3] [L45] documents of 1 byte to 64 MiB, and then a letter, come across in Node, and none is called synced early', async () => {
  const [a, b] = [new SizedDocuments(node), new SizedDocuments(node)]
  expect(await exchange(a, b, documentSizes)).toEqual(whole(documentSizes))
  await Promise.all([a.close(), b.close()])
}, 400_000)

test('[MESH-19] [M3] [L45] the same from Node to a page, and from the page to Node', async () => {
  const page = await joinedPage()
  const a = new SizedDocuments(node)
  expect(await exchange(a, page, documentSizes)).toEqual(whole(documentSizes))
  await page.close()
  const other = await joinedPage()
  expect(await exchange(other, a, sizes)).toEqual(whole(sizes))
  await Promise.all([a.close(), other.close()])
}, 400_000)

test('[MESH-19] [M3] [L45] the same between two pages', async () => {
  const [one, other] = [await joinedPage(), await joinedPage()]
  expect(await exchange(one, other, sizes)).toEqual(whole(sizes))
  await Promise.all([one.close(), other.close()])
}, 400_000)

/** The largest goes from Node alone, unless a campaign asks for all: `RUNS=1`. */
const sizes =
  process.env['RUNS'] === undefined
    ? documentSizes.filter((bytes) => bytes < 2 ** 26)
    : documentSizes

function whole(bytes: readonly number[]): readonly (readonly Sized[])[] {
  return bytes.map((size) => {
    const end: Sized = { bytes: size, same: true, early: 0 }
    return [end, end]
  })
}

type Side = Pick<SizedDocuments, 'offer' | 'given' | 'take' | 'close'> & {
  release(bytes: number): void | Promise<void>
}

async function joinedPage(): Promise<Side> {
  const page = await pages.open()
  await page.call('join', server)
  return {
    offer: async (bytes) => void (await page.call('offer', bytes)),
    given: (bytes) => page.call('given', bytes) as Promise<Sized>,
    take: (bytes) => page.call('take', bytes) as Promise<Sized>,
    release: async (bytes) => void (await page.call('release', bytes)),
    close: async () => {
      await page.call('leave')
      await page.page.close()
    },
  }
}

/** What became of each document, at both sides. */
async function exchange(
  giver: Side,
  taker: Side,
  sizes: readonly number[],
): Promise<readonly (readonly Sized[])[]> {
  const all: Sized[][] = []
  const tookMs: Record<number, number> = {}
  for (const bytes of sizes) {
    const startedMs = performance.now()
    // Before it is taken: who opens what nobody has yet is rightly synced with it.
    await giver.offer(bytes)
    all.push(await Promise.all([giver.given(bytes), taker.take(bytes)]))
    await Promise.all([giver.release(bytes), taker.release(bytes)])
    tookMs[bytes] = Math.round(performance.now() - startedMs)
  }
  console.info(`ms for bytes and a letter: ${JSON.stringify(tookMs)}`)
  return all
}
