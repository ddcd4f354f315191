/** What an app's page gets bigger by: tiny entries, built and minified as Vite does it, without Yjs. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build, type Rolldown } from 'vite'
import { sourceFolder } from './chromium.js'

export interface BundleSize {
  readonly name: BundleName
  readonly what: string
  readonly minifiedBytes: number
  readonly gzipBytes: number
}

export type BundleName = 'client' | 'mesh' | 'worker' | 'wasm' | 'simple-peer' | 'y-webrtc'

/** Of what a page loads at once, and of the two files that the store loads beside it. */
export async function bundleSizes(): Promise<readonly BundleSize[]> {
  const { page, worker, wasm } = await built(
    `import { createClient } from '@holdfast/client'
    import { browserStore } from '@holdfast/client/browser'
    globalThis.app = createClient({ store: browserStore('app'), server: 'wss://sync.example.org' })`,
  )
  const mesh = await built(
    `import { createMesh } from '@holdfast/peer'
    globalThis.app = createMesh({ server: 'wss://sync.example.org/signal' })`,
  )
  const simplePeer = await built(
    `import SimplePeer from 'simple-peer/simplepeer.min.js'
    globalThis.app = SimplePeer`,
  )
  const yWebrtc = await built(
    `import { WebrtcProvider } from 'y-webrtc'
    import * as Y from 'yjs'
    globalThis.app = new WebrtcProvider('room', new Y.Doc())`,
  )
  return [
    sizeOf('client', 'client and mesh: `createClient` with `browserStore`', page),
    sizeOf('mesh', 'the mesh alone: `createMesh`', mesh.page),
    sizeOf('worker', "the store's worker, with sql.js' script", worker),
    sizeOf('wasm', "sql.js' WebAssembly", wasm),
    sizeOf('simple-peer', 'simple-peer, which is in both', simplePeer.page),
    sizeOf('y-webrtc', 'y-webrtc, which has simple-peer too', yWebrtc.page),
  ]
}

function sizeOf(name: BundleName, what: string, parts: readonly Uint8Array[]): BundleSize {
  if (parts.length === 0) throw new Error(`nothing was built for ${name}`)
  return {
    name,
    what,
    minifiedBytes: sum(parts.map((part) => part.length)),
    gzipBytes: sum(parts.map((part) => gzipSync(part, { level: 9 }).length)),
  }
}

interface Built {
  /** The entry and what it imports before it runs. */
  readonly page: readonly Uint8Array[]
  readonly worker: readonly Uint8Array[]
  readonly wasm: readonly Uint8Array[]
}

async function built(entry: string): Promise<Built> {
  // Below the tests, from where the packages are found.
  const place = resolve(sourceFolder, '../.tmp')
  mkdirSync(place, { recursive: true })
  const folder = mkdtempSync(join(place, 'size-'))
  try {
    writeFileSync(join(folder, 'entry.js'), entry)
    const { output } = (await build({
      configFile: false,
      logLevel: 'error',
      root: folder,
      build: {
        write: false,
        target: 'es2022',
        // Counted by itself, not inside of the script.
        assetsInlineLimit: 0,
        // The app has Yjs anyway.
        rolldownOptions: { input: join(folder, 'entry.js'), external: [/^yjs$/] },
      },
      worker: { format: 'es' },
    })) as Rolldown.RolldownOutput
    const chunks = output.filter((file) => file.type === 'chunk')
    const assets = output.filter((file) => file.type === 'asset')
    const first = chunks.find(({ isEntry }) => isEntry)
    if (first === undefined) throw new Error('the entry was not built')
    const names = new Set([first.fileName])
    for (const name of names) {
      for (const next of chunks.find(({ fileName }) => fileName === name)?.imports ?? []) {
        if (chunks.some(({ fileName }) => fileName === next)) names.add(next)
      }
    }
    return {
      page: chunks.filter(({ fileName }) => names.has(fileName)).map(({ code }) => bytesOf(code)),
      worker: assets
        .filter(({ fileName }) => fileName.endsWith('.js'))
        .map(({ source }) => bytesOf(source)),
      wasm: assets
        .filter(({ fileName }) => fileName.endsWith('.wasm'))
        .map(({ source }) => bytesOf(source)),
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function bytesOf(source: string | Uint8Array): Uint8Array {
  return typeof source === 'string' ? Buffer.from(source) : source
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((before, number) => before + number, 0)
}

/** No more than this, gzipped: a tenth above what it was when it was written. Who raises one says why. */
export const mostGzipBytes = {
  client: 139_000,
  mesh: 85_000,
  worker: 26_000,
  wasm: 345_000,
} as const
