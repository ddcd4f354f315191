/** The doctor as a program, in good and in broken surroundings, and with a TURN server of its own. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Finding } from 'holdfast'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { holdfast, HoldfastProcess } from './tools/holdfast.js'
import { TurnServer, whyNoTurnServer } from './turn-server.js'

let cwd = ''
const toClose: (() => unknown)[] = []
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'holdfast-doctor-'))
})
afterEach(async () => {
  for (const close of toClose.splice(0)) await close()
  await rm(cwd, { recursive: true, force: true })
})

describe('holdfast doctor', () => {
  test('[CLI-20] ends with 0 where holdfast up would work', async () => {
    const { code, output, errors } = await holdfast(['doctor', '--port', '0'], { cwd })
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
    expect(output).toMatch(/^ok {4}SQLite +3\.\d+/m)
    expect(output).toMatch(/^It would work/m)
  })

  test('[CLI-20] ends with 1 beside a running one, by the settings of that one, and says who it is', async () => {
    await writeFile(
      join(cwd, 'holdfast.config.json'),
      '{ "up": { "data": "mine", "page": "off" } }',
    )
    const up = new HoldfastProcess(['up', '--port', '0'], { cwd })
    toClose.push(() => up.kill())
    const [, port = ''] = await up.prints(/http:\/\/127\.0\.0\.1:(\d+)\/readyz/)
    const { code, output } = await holdfast(['doctor', '--port', port, '--json'], { cwd })
    expect(code).toBe(1)
    const fails = (JSON.parse(output) as Finding[]).filter(({ level }) => level === 'fail')
    expect(fails.map(({ subject }) => subject)).toEqual(['lock', 'port'])
    expect(fails[0]?.said).toContain(`process ${up.child.pid}`)
    for (const { advice } of fails) expect(advice).toBeTruthy()
  })

  test('[CLI-20] finds a secret that cannot be read, as all else', async () => {
    const words = ['doctor', '--port', '0', '--host', '0.0.0.0', '--secret-file', 'none']
    const { code, output } = await holdfast(words, { cwd })
    expect([code, output]).toEqual([
      1,
      expect.stringContaining('--secret-file: none cannot be read'),
    ])
    expect(output).toMatch(/^It would not work: 1 to mend/m)
  })

  const noTurn = whyNoTurnServer()
  test.skipIf(noTurn !== undefined)(
    `[CLI-20] asks a TURN server for a relay with the secret${noTurn === undefined ? '' : `: ${noTurn}`}`,
    async () => {
      const secret = 'x8Kd0pQm2vN7sL4rT9yB'
      const turn = await TurnServer.start({ secret })
      toClose.push(() => turn.close())
      const doctor = (env: string, transport: 'udp' | 'tcp') =>
        holdfast(['doctor', '--port', '0', '--turn', turn.url(transport)], {
          cwd,
          env: { HOLDFAST_TURN_SECRET: env },
        })
      for (const transport of ['udp', 'tcp'] as const) {
        const { code, output } = await doctor(secret, transport)
        expect([code, output]).toEqual([
          0,
          expect.stringContaining('answers, and takes the secret'),
        ])
      }
      const { code, output } = await doctor('another secret, long enough', 'udp')
      expect([code, output]).toEqual([1, expect.stringContaining('refuses the secret (401)')])
    },
  )
})
