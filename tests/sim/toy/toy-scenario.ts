import type { Host, Scenario, World } from '@holdfast/peer/testing'
import { ToyPeer, type Bug } from './toy-peer.js'

/**
 * Two to six toy peers in a ring edit one document while everything goes wrong; then all is healed,
 * everybody is started, and within a minute of virtual time all must agree and hold each edit that
 * was ever called saved.
 */
export function toyScenario(bug?: Bug): Scenario {
  return async (world) => {
    const mesh = createMesh(world, bug)
    setRoughWeather(world)
    for (const host of mesh.hosts) mesh.start(host)
    for (let step = 0; step < 30; step++) {
      await world.run(world.random.between(5, 120))
      takeStep(world, mesh)
    }
    // The last crash that was planned.
    await world.run(20)
    world.network.healAll()
    world.network.setConditions({ dropRate: 0, duplicateRate: 0, reorderRate: 0 })
    for (const host of mesh.hosts) {
      if (!host.isUp) host.restart()
      host.thaw()
    }
    await world.until(() => mesh.isAgreed(), { checkEveryMs: 50, maxVirtualMs: 60_000 })
    mesh.checkSaved()
  }
}

interface ToyMesh {
  readonly hosts: readonly Host[]
  start(host: Host): void
  edit(host: Host): void
  isAgreed(): boolean
  checkSaved(): void
}

function createMesh(world: World, bug: Bug | undefined): ToyMesh {
  const size = 2 + world.random.below(5)
  const hosts = Array.from({ length: size }, (_, index) => world.host(`p${index}`))
  const peers = new Map<Host, ToyPeer>()
  const saved = new Set<string>()
  let edits = 0
  return {
    hosts,
    start(host) {
      const next = hosts[(hosts.indexOf(host) + 1) % size]
      // Two make a line, more a ring.
      const dials = next === undefined || (size === 2 && next === hosts[0]) ? [] : [next.name]
      host.start((life) => {
        peers.set(host, new ToyPeer(life, { dials, bug, onSaved: (token) => saved.add(token) }))
      })
    },
    edit(host) {
      const peer = peers.get(host)
      if (host.isUp && peer?.isReady === true) peer.edit(`${host.name}.${edits++}`)
    },
    isAgreed() {
      const all = [...peers.values()]
      const digest = all[0]?.digest
      return all.every((peer) => peer.isReady && peer.digest === digest)
    },
    checkSaved() {
      for (const [host, peer] of peers) {
        const held = new Set(peer.tokens)
        const lost = [...saved].filter((token) => !held.has(token))
        if (lost.length > 0) throw new Error(`${host.name} lost what was saved: ${lost.join(' ')}`)
      }
      // Equal digests cannot see one id with two contents.
      const contents = new Set([...peers.values()].map((peer) => peer.content))
      if (contents.size !== 1) throw new Error('equal digests, different content')
    },
  }
}

function setRoughWeather({ network, random, hosts }: World): void {
  network.setConditions({
    delayMs: random.between(1, 40),
    jitterMs: random.between(0, 40),
    dropRate: random.between(0, 0.3),
    duplicateRate: random.between(0, 0.1),
    reorderRate: random.between(0, 0.1),
    closeLossRate: 0.5,
    failAfterMs: random.between(200, 2_000),
  })
  for (const { disk } of hosts) disk.latencyMs = { read: 0, write: 1, fsync: 8, names: 1 }
}

function takeStep(world: World, mesh: ToyMesh): void {
  const { network, random } = world
  const host = random.pick(mesh.hosts)
  const other = random.pick(mesh.hosts)
  const chance = random.below(100)
  if (chance < 60) mesh.edit(host)
  else if (chance < 66) {
    if (host !== other) network.cut(host.name, other.name)
  } else if (chance < 72) network.healAll()
  else if (chance < 76) network.partition([[host.name, other.name]])
  else if (chance < 82) crashOrRestart(world, mesh, host)
  else if (chance < 88) {
    if (!host.isUp) host.restart()
  } else if (chance < 92) {
    const pipe = network.pipes.length > 0 ? random.pick(network.pipes) : undefined
    pipe?.break({ aAfterMs: random.below(50), bAfterMs: random.below(1_000) })
  } else if (chance < 95) {
    if (host.isUp) host.freeze()
  } else if (host.isUp) host.thaw()
}

/** Sometimes in the middle of writing what was just edited. */
function crashOrRestart(world: World, mesh: ToyMesh, host: Host): void {
  if (!host.isUp) {
    host.restart()
    return
  }
  if (world.random.chance(0.5)) mesh.edit(host)
  world.clock.after(world.random.between(0, 12), () => {
    if (host.isUp) host.crash()
  })
}
