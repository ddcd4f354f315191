import { execFileSync, fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { SignalProcess } from './signal-process.js'

const idlePeers = fileURLToPath(new URL('../dist/children/signal-idle.js', import.meta.url))
const sockets = 5_000

const openFiles = Number(
  execFileSync('bash', ['-c', 'ulimit -Hn']).toString().trim().replace('unlimited', '1e9'),
)
const canHold = openFiles > sockets + 500
if (!canHold) {
  console.log(
    `R9 is skipped: ${sockets} sockets need as many open files, and ${openFiles} are allowed`,
  )
}

test.skipIf(!canHold)(
  `[R9] ${sockets} idle sockets fit into 250 MB, the server's own included`,
  async () => {
    const limits = ['--limit', `maxSocketsPerAddress=${sockets}`]
    const server = await SignalProcess.start(limits)
    const children: ChildProcess[] = []
    try {
      const ready: Promise<unknown>[] = []
      for (let first = 0; first < sockets; first += sockets / 2) {
        const child = fork(idlePeers, [String(server.port), String(sockets / 2), String(first)])
        children.push(child)
        ready.push(once(child, 'message'))
      }
      await Promise.all(ready)
      expect(await server.metric('holdfast_signal_sockets')).toBe(sockets)
      expect(await server.metric('holdfast_signal_rooms')).toBe(sockets / 8)
      const megabytes = (await server.residentBytes()) / 1e6
      console.log(`${sockets} idle sockets: ${megabytes.toFixed(0)} MB resident`)
      expect(megabytes).toBeLessThan(250)
    } finally {
      for (const child of children) child.kill('SIGKILL')
      await server.kill()
    }
  },
)
