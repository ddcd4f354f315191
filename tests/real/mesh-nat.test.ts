/**
 * Two peers behind routers that let nobody in and show another port to each address: no direct way
 * leads from one to the other.
 *
 *   peer ── router that hides it ──┐
 *                                  ├── a network with the signaller and coturn
 *   peer ── router that hides it ──┘
 */
import { execFileSync } from 'node:child_process'
import { afterAll, describe, expect, test } from 'vitest'
import { MeshCaller } from './mesh-caller-process.js'
import { OwnNetwork } from './own-network.js'
import { SignalProcess } from './signal-process.js'
import { TurnServer, whyNoTurnServer } from './turn-server.js'

const why = OwnNetwork.impossible ?? whyNoTurnServer() ?? whyNoNat()
if (why !== undefined) console.info(`peers behind strict routers are not tested: ${why}`)

describe.skipIf(why !== undefined)('two peers behind strict routers', async () => {
  if (why !== undefined) return
  const secret = 'shared by coturn and the signaller'
  const middle = new OwnNetwork(1)
  middle.route()
  const routers = [2, 3].map((number) => new OwnNetwork(number, middle))
  for (const router of routers) router.hide()
  const homes = routers.map((router, at) => new OwnNetwork(4 + at, router))
  const address = middle.insideAddress
  const turn = await TurnServer.start({ secret, address, enter: middle.enter })
  const opened: { close(): unknown }[] = []
  afterAll(async () => {
    for (const one of opened.toReversed()) await one.close()
    await turn.close()
    for (const network of [...homes, ...routers, middle]) network.close()
  })

  test('[MESH-6] [MESH-18] find no direct way, and edit through the signaller', async () => {
    const callers = await start([], 'relay')
    const ends = await Promise.all(callers.map((caller) => caller.ask({ join: 'none' }, 'none')))
    expect(ends).toMatchObject([{ paths: ['relay'] }, { paths: ['relay'] }])
    // An attempt has its fifteen seconds, and comes to nothing.
    const reports = await Promise.all(
      callers.map((caller) => caller.ask({ lookAfterFailure: 'none' }, 'none')),
    )
    expect(reports).toMatchObject([
      { paths: ['relay'], links: 0 },
      { paths: ['relay'], links: 0 },
    ])
  })

  test('[MESH-18] link by way of the TURN server that the signaller names', async () => {
    const callers = await start(['--turn', turn.url('udp')])
    const ends = await Promise.all(callers.map((caller) => caller.ask({ join: 'some' }, 'some')))
    expect(ends).toMatchObject([
      { paths: ['webrtc'], links: 1 },
      { paths: ['webrtc'], links: 1 },
    ])
    expect(turn.users.length).toBeGreaterThan(0)
  })

  /** A signaller that hands out what is given, and a peer in each home. */
  async function start(flags: readonly string[], relay = ''): Promise<MeshCaller[]> {
    const all = ['--host', address, '--open', ...flags]
    const env = { HOLDFAST_TURN_SECRET: secret }
    const signal = await SignalProcess.start(all, env, middle.enter)
    opened.push({ close: () => signal.kill() })
    return homes.map(({ enter }) => {
      const caller = new MeshCaller([`ws://${address}:${signal.port}/signal`, relay], enter)
      opened.push({ close: () => caller.end() })
      return caller
    })
  }
})

function whyNoNat(): string | undefined {
  try {
    execFileSync('nft', ['--version'], { stdio: 'ignore' })
    return undefined
  } catch {
    return 'nft is not installed (on Debian: apt-get install nftables)'
  }
}
