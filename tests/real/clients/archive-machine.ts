/** An archive in a process of its own, always on the same port, whose disk can be taken out. */
import { exportLog, verifyLog } from '@holdfast/archive'
import { systemClock } from '@holdfast/peer/ports'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import * as Y from 'yjs'
import { binPath } from '../tools/bin.js'

export class ArchiveMachine {
  /** Of what belongs to it: its data, copies of them. Removed by `remove`. */
  readonly folder: string
  readonly #options: readonly string[]
  #child: ChildProcess | undefined
  #ended: Promise<unknown> = Promise.resolve()
  #port = 0

  /** `options`: of `holdfast-archive serve`, besides data and port. */
  constructor(folder: string, options: readonly string[] = []) {
    this.folder = folder
    this.#options = options
  }

  get server(): string {
    return `ws://127.0.0.1:${this.#port}`
  }

  async start(): Promise<void> {
    const words = ['serve', '--data', this.#data, '--port', String(this.#port), ...this.#options]
    const child = spawn(process.execPath, [binPath, ...words], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#child = child
    this.#ended = once(child, 'close')
    this.#port = await new Promise<number>((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        const { port } = JSON.parse(line) as { readonly port?: number }
        if (port !== undefined) resolve(port)
      })
      child.once('close', () => reject(new Error('the archive ended before it listened')))
    })
  }

  /** Resolves when the process is gone. */
  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL')
    await this.#ended
  }

  /** As a supervisor does. */
  async stop(): Promise<void> {
    this.#child?.kill('SIGTERM')
    await this.#ended
  }

  /** Copies what is on its disk, while nobody has it open. */
  async copyTo(name: string): Promise<void> {
    await cp(this.#data, join(this.folder, name), { recursive: true })
  }

  async putBack(name: string): Promise<void> {
    await this.empty()
    await cp(join(this.folder, name), this.#data, { recursive: true })
  }

  async empty(): Promise<void> {
    await rm(this.#data, { recursive: true, force: true })
  }

  async metric(name: string): Promise<number> {
    const response = await fetch(`${this.server.replace('ws', 'http')}/metrics`)
    const lines = (await response.text()).split('\n')
    return Number(lines.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1))
  }

  /** What a copy of its disk holds, as `holdfast-archive export` writes it, by document. */
  async onDisk(): Promise<ReadonlyMap<string, Y.Doc>> {
    const base = await mkdtemp(join(this.folder, 'export-'))
    const data = join(base, 'data')
    await cp(this.#data, data, { recursive: true })
    const file = join(data, 'archive.db')
    const run = { clock: systemClock }
    const verdict = await verifyLog(file, run)
    if (!verdict.isWhole) throw new Error(`the log is not whole: ${JSON.stringify(verdict)}`)
    const folder = join(base, 'exported')
    await exportLog({ file, folder, withParked: true }, run)
    const docs = docsIn(folder)
    await rm(base, { recursive: true })
    return docs
  }

  async remove(): Promise<void> {
    await this.kill()
    await rm(this.folder, { recursive: true, force: true })
  }

  get #data(): string {
    return join(this.folder, 'data')
  }
}

interface Manifest {
  readonly documents: readonly {
    readonly document: string
    readonly state: { readonly file: string }
  }[]
}

function docsIn(folder: string): ReadonlyMap<string, Y.Doc> {
  const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as Manifest
  const docs = new Map<string, Y.Doc>()
  for (const { document, state } of manifest.documents) {
    const doc = new Y.Doc()
    Y.applyUpdate(doc, readFileSync(join(folder, state.file)))
    docs.set(document, doc)
  }
  return docs
}
