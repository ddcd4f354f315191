/** coturn on loopback, with credentials that the signalling server hands out. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** Why there is no coturn on this machine; undefined if there is. Installs Debian's where it may. */
export function whyNoTurnServer(): string | undefined {
  if (hasTurnServer()) return undefined
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    return 'coturn is not installed (on Debian: apt-get install coturn)'
  }
  try {
    execFileSync('apt-get', ['install', '--yes', '--no-install-recommends', 'coturn'], {
      stdio: 'ignore',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    })
  } catch (error) {
    return `coturn cannot be installed: ${(error as Error).message.split('\n')[0]}`
  }
  return hasTurnServer() ? undefined : 'apt-get has installed a coturn without turnserver'
}

function hasTurnServer(): boolean {
  try {
    execFileSync('turnserver', ['--version'], { stdio: 'ignore' })
    return true
  } catch (error) {
    // Only what is not there is missing: some versions end with a code.
    return (error as NodeJS.ErrnoException).code !== 'ENOENT'
  }
}

export interface TurnServerOptions {
  readonly secret: string
  /** Where it listens and relays. Default: loopback. */
  readonly address?: string
  /** Put before its command. */
  readonly enter?: readonly string[]
}

export class TurnServer {
  readonly address: string
  readonly port: number
  /** What it has logged. */
  readonly log: readonly string[]
  readonly #process: ChildProcess
  readonly #folder: string

  private constructor(
    address: string,
    port: number,
    log: readonly string[],
    process: ChildProcess,
    folder: string,
  ) {
    this.address = address
    this.port = port
    this.log = log
    this.#process = process
    this.#folder = folder
  }

  /** Resolves when it listens. */
  static async start(options: TurnServerOptions): Promise<TurnServer> {
    const { secret, address = '127.0.0.1', enter = [] } = options
    const port = await freePort()
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-turn-'))
    const flags = [
      '-n',
      '--no-cli',
      '--no-tls',
      '--no-dtls',
      '--log-file=stdout',
      '--simple-log',
      '--verbose',
      '--use-auth-secret',
      `--static-auth-secret=${secret}`,
      '--realm=holdfast.test',
      `--listening-ip=${address}`,
      `--relay-ip=${address}`,
      `--listening-port=${port}`,
      '--allow-loopback-peers',
      `--userdb=${folder}/users`,
      `--pidfile=${folder}/pid`,
    ]
    const [command = '', ...args] = [...enter, 'turnserver', ...flags]
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const log: string[] = []
    await new Promise<void>((resolve, reject) => {
      child.on('error', reject)
      child.on('exit', (code) => reject(new Error(`coturn ended with ${code}:\n${log.join('\n')}`)))
      createInterface({ input: child.stdout }).on('line', (line) => {
        log.push(line)
        if (/TCP listener opened/.test(line)) resolve()
      })
    })
    return new TurnServer(address, port, log, child, folder)
  }

  url(transport: 'udp' | 'tcp'): string {
    return `turn:${this.address}:${this.port}?transport=${transport}`
  }

  /** Who was given an address at it, as the user names of their credentials. */
  get users(): readonly string[] {
    const given = this.log.flatMap(
      (line) => /user <([^>]+)>: incoming packet ALLOCATE processed, success/.exec(line)?.[1] ?? [],
    )
    return [...new Set(given)]
  }

  async close(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const exited = once(this.#process, 'exit')
      this.#process.kill()
      await exited
    }
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** coturn takes no 0. Somebody could take it in between; then coturn says so. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
