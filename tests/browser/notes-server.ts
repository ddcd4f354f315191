/** The demo as a stranger has it: its page built, and `holdfast up` in a process of its own. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { build } from 'vite'
import { HoldfastProcess } from '../real/tools/holdfast.js'
import { sourceFolder } from './chromium.js'

const demo = resolve(sourceFolder, '../../examples/notes')

export class NotesServer {
  readonly #folder: string
  #process: HoldfastProcess
  #port = 0

  static async start(): Promise<NotesServer> {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-notes-'))
    await build({
      root: demo,
      configFile: join(demo, 'vite.config.ts'),
      logLevel: 'error',
      build: { outDir: join(folder, 'page'), emptyOutDir: false },
    })
    const server = new NotesServer(folder)
    await server.#listens()
    return server
  }

  private constructor(folder: string) {
    this.#folder = folder
    this.#process = this.#up()
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/`
  }

  /** Gone at once, as when the machine is switched off. */
  async kill(): Promise<void> {
    await this.#process.kill()
  }

  /** The same data at the same address. */
  async startAgain(): Promise<void> {
    this.#process = this.#up()
    await this.#listens()
  }

  async close(): Promise<void> {
    await this.#process.kill()
    await rm(this.#folder, { recursive: true, force: true })
  }

  #up(): HoldfastProcess {
    const words = ['up', '--port', String(this.#port), '--data', 'data', '--page', 'page']
    return new HoldfastProcess(words, { cwd: this.#folder })
  }

  async #listens(): Promise<void> {
    const [, port] = await this.#process.prints(/http:\/\/127\.0\.0\.1:(\d+)\//)
    this.#port = Number(port)
  }
}
