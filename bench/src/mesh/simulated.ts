/**
 * What one machine cannot hold for real, in the simulated world of the tests: real meshes with a real
 * signaller on virtual time, links that are made as WebRTC makes them.
 */
import { MeshWorld, seenBy, seenInNoteBy, type MeshPeer } from '@holdfast/tests/mesh-world'
import { WireTap } from '@holdfast/tests/wire-tap'
import type { LinkDialer } from '@holdfast/peer'
import { fraction, type Clock, type Link, type Random } from '@holdfast/peer/ports'
import type { Figure } from '../report.js'
import { seconds, type Extent } from './crowd.js'

/** M2: 48 peers, six to eight links each. */
export async function messagesInPartialMesh(): Promise<readonly Figure[]> {
  const size = 48
  const world = MeshWorld.of('bench m2')
  world.world.network.setConditions({ delayMs: 20, jitterMs: 10 })
  const tap = new WireTap(world.world)
  const peers = world.startMany(size, { relay: false })
  await world.until(() => peers.every(({ isSynced }) => isSynced), 120_000)
  // The tree grows out of the first edits.
  await editInTurn(world, peers, 2 * size, 250)
  await world.run(3_000)
  tap.clear()
  await editInTurn(world, peers, size, 400)
  await world.run(5_000)
  const payloads = tap.heard.filter(
    ({ message }) => message.type === 'update' && message.cause.kind === 'op',
  ).length
  const perEdit = payloads / size
  const links = peers.reduce((sum, { paths }) => sum + paths.length, 0) / size
  const areEqual = new Set(peers.map(({ text }) => text)).size === 1
  return [
    {
      id: 'M2',
      what: `payload messages for one edit, ${size} peers with ${links.toFixed(1)} links each, steady, simulated`,
      figure: `${perEdit.toFixed(1)} = ${(perEdit / (size - 1)).toFixed(3)} (N−1)${areEqual ? '' : ', and not all have all'}`,
      beside: `flooding: ${(links * size - (size - 1)).toFixed(0)} = (k−1)·N + 1`,
      goal: '≤ 1.3 (N−1)',
      met: areEqual && perEdit >= size - 1 && perEdit <= 1.3 * (size - 1),
    },
  ]
}

/** M6: four peers for two minutes, so many times, on ways that lose one packet in twenty. */
export async function falseAlarms({ quick }: Extent): Promise<readonly Figure[]> {
  const seeds = quick ? 10 : 40
  const [size, forMs] = [4, 120_000]
  let [ended, begunBeside, unseen] = [0, 0, 0]
  for (let seed = 0; seed < seeds; seed++) {
    const world = MeshWorld.of(`bench m6 ${seed}`)
    world.world.network.setConditions({ delayMs: 150 })
    const dialer = world.rtc.dialer.bind(world.rtc)
    world.rtc.dialer = (life) => lossyDialer(dialer(life), life.clock, life.random)
    const peers = world.startMany(size, { relay: false })
    await world.until(
      () => peers.every((peer) => peer.paths.length === size - 1 && seenByAll(peer, size)),
      120_000,
    )
    const [links, attempts] = [world.rtc.links, attemptsOf(peers)]
    for (let ms = 0; ms < forMs; ms += 250) {
      await world.run(250)
      if (!peers.every((peer) => seenByAll(peer, size))) unseen++
    }
    ended += world.rtc.links - links
    begunBeside += attemptsOf(peers) - attempts
  }
  const linkHours = (seeds * forMs * size * (size - 1)) / 2 / 3_600_000
  return [
    {
      id: 'M6-loss',
      what: `${seeds} seeds of ${size} peers over 300 ms and 5 % loss (repeated after 0.5, 1, 2 … s, in order), ${linkHours.toFixed(1)} link-hours, simulated: somebody alive shown as gone; links replaced in time`,
      figure: `${unseen === 0 ? 'never' : `for ${(unseen / 4).toFixed(2)} s`}; ${ended} (${begunBeside / 2} tries)`,
      goal: 'no false alarm',
      met: unseen === 0,
    },
  ]
}

/** M8: five hundred, of whom three in ten vanish at once. */
export async function massDeath({ quick }: Extent): Promise<readonly Figure[]> {
  const size = quick ? 100 : 500
  const world = MeshWorld.of('bench m8')
  world.world.network.setConditions({ delayMs: 20, jitterMs: 10 })
  const peers = world.startMany(size, { relay: false })
  const joinedMs = await timeUntil(world, () => largestPart(peers) === size, 120_000)
  await world.run(20_000)
  const before = largestPart(peers)
  const degrees = peers.map(({ paths }) => paths.length)
  const victims = new Set(world.world.random.shuffled(peers).slice(0, Math.floor(size * 0.3)))
  const survivors = peers.filter((peer) => !victims.has(peer))
  for (const victim of victims) victim.kill()
  const atOnce = largestPart(survivors)
  survivors[0]?.type('after ')
  const share = atOnce / survivors.length
  const againMs = await timeUntil(world, () => largestPart(survivors) === survivors.length, 30_000)
  const heardMs = await timeUntil(
    world,
    () => survivors.every(({ text }) => text.includes('after ')),
    60_000,
  )
  return [
    {
      id: 'M8',
      what: `${size} simulated peers, at most ${Math.max(...degrees)} links each, connected ${seconds(joinedMs)} after joining at once; 30 % killed at once: survivors still connected, all connected again`,
      figure: `${before === size ? '' : `only ${before} before; `}${(share * 100).toFixed(2)} %, ${seconds(againMs)}`,
      beside: `an edit typed at that moment is everywhere after ${seconds(heardMs === undefined || againMs === undefined ? undefined : againMs + heardMs)}`,
      goal: '≥ 99.9 %, ≤ 10 s',
      met:
        before === size &&
        Math.max(...degrees) <= 8 &&
        share >= 0.999 &&
        (againMs ?? Infinity) <= 10_000,
    },
  ]
}

async function editInTurn(
  world: MeshWorld,
  peers: readonly MeshPeer[],
  edits: number,
  everyMs: number,
): Promise<void> {
  for (let edit = 0; edit < edits; edit++) {
    peers[(edit * 7) % peers.length]?.type(`e${edit} `)
    await world.run(everyMs)
  }
}

/** Virtual milliseconds; undefined: not within `maxMs`. */
async function timeUntil(
  world: MeshWorld,
  condition: () => boolean,
  maxMs: number,
): Promise<number | undefined> {
  for (let ms = 0; ms <= maxMs; ms += 100) {
    if (condition()) return ms
    await world.run(100)
  }
  return undefined
}

/** How many of them are in the largest part that their direct links connect. */
function largestPart(peers: readonly MeshPeer[]): number {
  const byInstance = new Map(peers.map((peer) => [String(peer.mesh.identity.instance), peer]))
  const seen = new Set<MeshPeer>()
  let largest = 0
  for (const start of peers) {
    if (seen.has(start)) continue
    seen.add(start)
    const part = [start]
    for (const peer of part) {
      for (const { instance } of peer.notes.peers) {
        const next = byInstance.get(instance)
        if (next === undefined || seen.has(next)) continue
        seen.add(next)
        part.push(next)
      }
    }
    largest = Math.max(largest, part.length)
  }
  return largest
}

function seenByAll(peer: MeshPeer, size: number): boolean {
  return seenBy(peer).length === size && seenInNoteBy(peer).length === size
}

function attemptsOf(peers: readonly MeshPeer[]): number {
  return peers
    .flatMap(({ notes }) => notes.stats().neighbours)
    .reduce((sum, { attempts }) => sum + attempts, 0)
}

function lossyDialer(dialer: LinkDialer, clock: Clock, random: Random): LinkDialer {
  return {
    attempt: (options) =>
      dialer.attempt({
        ...options,
        onLink: (link) => options.onLink(lossyLink(link, clock, random)),
      }),
  }
}

/** What is lost is sent again, as SCTP does, and holds up what comes after it. */
function lossyLink(link: Link, clock: Clock, random: Random): Link {
  const send = link.send.bind(link)
  let freeAtMs = 0
  link.send = (frame) => {
    const nowMs = clock.monotonic()
    let [lateMs, repeatAfterMs] = [0, firstRepeatMs]
    while (fraction(random) < lossRate) {
      lateMs += repeatAfterMs
      repeatAfterMs *= 2
    }
    freeAtMs = Math.max(freeAtMs, nowMs + lateMs)
    if (freeAtMs <= nowMs) send(frame)
    else clock.after(freeAtMs - nowMs, () => send(frame))
  }
  return link
}

const lossRate = 0.05
/** libwebrtc's SCTP at a round trip of 300 ms. */
const firstRepeatMs = 500
