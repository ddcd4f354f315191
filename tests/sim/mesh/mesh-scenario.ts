import type { Scenario } from '@holdfast/peer/testing'
import { MeshWorld, seenBy, seenInNoteBy, type MeshPeer } from './mesh-world.js'

/**
 * Two to twelve peers with a real signaller join, type, leave, die, sleep and come back while ways
 * are cut, links break or go silent, attempts fail and the signaller dies. Then all is healed, and
 * within five minutes of virtual time everybody must be linked, hold the same text, say so, and see
 * exactly those who are there. At the end everything is closed and nothing may be left.
 */
export const meshLifeScenario: Scenario = async (world) => {
  const { random } = world
  const mesh = new MeshWorld(world)
  Object.assign(mesh.rtc.weather, {
    failRate: random.between(0, 0.3),
    silentRate: random.between(0, 0.2),
    halfRate: random.between(0, 0.2),
  })
  world.network.setConditions({
    delayMs: random.between(1, 80),
    jitterMs: random.between(0, 60),
    dropRate: random.chance(0.3) ? random.between(0, 0.01) : 0,
    failAfterMs: random.between(2_000, 20_000),
  })
  const count = random.chance(0.8) ? 2 + random.below(4) : 6 + random.below(7)
  const peers = mesh.startMany(count, { relay: random.chance(0.7) })
  for (let step = 0; step < 20; step++) {
    await world.run(random.between(20, 3_000))
    takeStep(mesh, peers)
  }
  // Who is leaving has left.
  await world.run(400)
  Object.assign(mesh.rtc.weather, { failRate: 0, silentRate: 0, halfRate: 0 })
  world.network.healAll()
  world.network.setConditions({ dropRate: 0 })
  mesh.signaller.ensureUp()
  for (const peer of peers) {
    if (peer.host.isUp) peer.host.thaw()
    else peer.restart()
  }
  await mesh.until(() => agree(peers), 300_000)
  const closed = Promise.all(peers.map((peer) => peer.mesh.close()))
  await world.run(6_000)
  await closed
  const left = peers.map(({ pendingTasks }) => pendingTasks)
  if (left.some((tasks) => tasks > 0)) throw new Error(`tasks are left: ${left.join(' ')}`)
  const failures = [...world.counts.keys()].filter((what) => what.startsWith('error: '))
  if (failures.length > 0) throw new Error(`a peer failed: ${failures.join(', ')}`)
  const links = world.network.pipes.filter(({ b }) => !mesh.rtc.unclaimed.has(b))
  if (links.length > 0) throw new Error('links are left')
}

/** Everybody holds the same text, says so, and sees exactly those who are there. */
export function agree(peers: readonly MeshPeer[]): boolean {
  const hosts = peers.map(({ host }) => host.name).toSorted()
  const all = hosts.join()
  return peers.every(
    (peer) =>
      peer.text === peers[0]?.text &&
      peer.isSynced &&
      seenBy(peer).join() === all &&
      seenInNoteBy(peer).join() === all,
  )
}

function takeStep(mesh: MeshWorld, peers: readonly MeshPeer[]): void {
  const { random, network } = mesh.world
  const peer = random.pick(peers)
  const other = random.pick(peers)
  const chance = random.below(100)
  if (chance < 45) {
    if (peer.host.isUp) peer.type(`${peer.host.name} `)
    mesh.world.count('typed')
  } else if (chance < 53) {
    if (peer !== other) network.cut(peer.host.name, other.host.name)
  } else if (chance < 60) network.healAll()
  else if (chance < 70) {
    const pipe = network.pipes.length > 0 ? random.pick(network.pipes) : undefined
    const isSilent = random.chance(0.4)
    pipe?.break(isSilent ? { aAfterMs: Infinity, bAfterMs: Infinity } : {})
  } else if (chance < 80) {
    if (!peer.host.isUp) peer.restart()
    else if (random.chance(0.5)) peer.kill()
    else peer.leave()
  } else if (chance < 88) {
    if (peer.host.isUp) peer.host.freeze()
  } else if (chance < 95) {
    if (peer.host.isUp) peer.host.thaw()
  } else if (random.chance(0.5)) mesh.signaller.crash()
  else mesh.signaller.ensureUp()
}
