/** The two signalling servers that are measured, each in a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export interface MeasuredServer {
  readonly port: number
  /** Since its start, in milliseconds; NaN where the platform has no /proc. */
  cpuMs(): number
  residentBytes(): number
  stop(): void
}

/** `holdfast-signal`, with the limits on one address and on the rate of one socket out of the way. */
export function startHoldfast(): Promise<MeasuredServer> {
  const main = fileURLToPath(new URL('main.js', import.meta.resolve('@holdfast/signal')))
  const limits = ['maxSocketsPerAddress=10000', 'messagesPerSecond=1000000', 'messageBurst=1000000']
    .concat(['bytesPerSecond=1000000000', 'byteBurst=1000000000'])
    .flatMap((limit) => ['--limit', limit])
  return start([main, '--port', '0', ...limits], (line) => {
    const { port } = JSON.parse(line) as { port?: number }
    return port
  })
}

/** y-webrtc's own, kept on loopback and on a free port by a line in front of it. */
export function startYWebrtc(): Promise<MeasuredServer> {
  const main = fileURLToPath(new URL('../bin/server.js', import.meta.resolve('y-webrtc')))
  const onLoopback = `
    import { Server } from 'node:net'
    const { listen } = Server.prototype
    Server.prototype.listen = function () {
      this.on('listening', () => console.log(JSON.stringify({ port: this.address().port })))
      return listen.call(this, 0, '127.0.0.1')
    }`
  return start(
    ['--import', `data:text/javascript,${encodeURIComponent(onLoopback)}`, main],
    (line) => (line.startsWith('{') ? (JSON.parse(line) as { port: number }).port : undefined),
  )
}

async function start(
  args: readonly string[],
  portIn: (line: string) => number | undefined,
): Promise<MeasuredServer> {
  const script = 'ulimit -n "$(ulimit -Hn)"; exec "$0" "$@"'
  const child = spawn('bash', ['-c', script, process.execPath, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  for await (const line of createInterface({ input: child.stdout })) {
    const port = portIn(line)
    if (port === undefined) continue
    child.stdout.resume()
    return measured(child, port)
  }
  throw new Error(`${args.join(' ')} ended before it listened`)
}

function measured(child: ChildProcess, port: number): MeasuredServer {
  return {
    port,
    cpuMs() {
      // Fields 14 and 15 count in hundredths of a second; the name before them may hold spaces.
      const fields = procFile(child, 'stat').split(') ')[1]?.split(' ') ?? []
      return (Number(fields[11]) + Number(fields[12])) * 10
    },
    residentBytes() {
      const [, kilobytes] = /^VmRSS:\s+(\d+) kB/m.exec(procFile(child, 'status')) ?? []
      return Number(kilobytes) * 1024
    },
    stop: () => void child.kill('SIGKILL'),
  }
}

function procFile(child: ChildProcess, name: string): string {
  try {
    return readFileSync(`/proc/${child.pid}/${name}`, 'utf8')
  } catch {
    // Not on Linux: what was to be read becomes NaN.
    return ''
  }
}
