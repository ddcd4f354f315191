import { HoldfastProcess } from './tools/holdfast.js'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { against, blocksOf, documentsWithCode, scratch, writeBlock } from '../documents/blocks.js'
import { root } from '../unit/tools/run.js'

const blocks = documentsWithCode.flatMap(blocksOf)
const place = scratch('documents')
afterAll(() => place.remove())

test('[HOUSE-13] every block of code in the documents has the types that it needs', async () => {
  expect(blocks.length).toBeGreaterThan(4)
  for (const [at, { code }] of blocks.entries()) {
    writeBlock(place.folder, `block-${at}.ts`, `${code}\nexport {}`)
  }
  const settings = {
    extends: join(root, 'tsconfig.base.json'),
    compilerOptions: {
      composite: false,
      incremental: false,
      noEmit: true,
      // What a reader would use next is not used yet.
      noUnusedLocals: false,
      module: 'ESNext',
      moduleResolution: 'Bundler',
      types: ['node'],
    },
    include: ['*.ts'],
  }
  writeFileSync(join(place.folder, 'tsconfig.json'), JSON.stringify(settings))
  const { code, output } = await run(join(root, 'node_modules/.bin/tsc'), ['-p', place.folder])
  expect(output.replaceAll(/block-(\d+)\.ts/g, (_, at: string) => nameOf(Number(at)))).toBe('')
  expect(code).toBe(0)
}, 60_000)

describe('what the documents run in Node', () => {
  let server: HoldfastProcess
  let url = ''

  beforeAll(async () => {
    server = new HoldfastProcess(['up', '--port', '0', '--data', 'data'], { cwd: place.folder })
    const [, port] = await server.prints(/127\.0\.0\.1:(\d+)/)
    url = `ws://127.0.0.1:${port}`
  }, 60_000)
  afterAll(async () => {
    await server.end()
  })

  test('[HOUSE-13] examples/node says hello in twenty lines, those of Getting started', async () => {
    const file = join(root, 'examples/node/node-to-node.mjs')
    const { code, output } = await run(process.execPath, [file, url])
    expect({ code, output }).toEqual({ code: 0, output: 'Hello Bob\n' })
    const lines = codeOf(readFileSync(file, 'utf8'))
    expect(lines.length).toBeLessThanOrEqual(20)
    const block = blocks.find((one) => one.code.includes('Hello Bob'))
    // All but the address.
    const said = codeOf(block?.code ?? '')
    expect(said.length).toBe(lines.length)
    expect(lines.filter((line) => !said.includes(line))).toEqual([
      "const server = process.argv[2] ?? 'ws://127.0.0.1:4440'",
    ])
  }, 90_000)

  const runnable = blocks.flatMap((block, at) => (block.runs === 'node' ? [{ block, at }] : []))
  test.each(runnable.map(({ block, at }) => [nameOf(at), block] as const))(
    '[HOUSE-13] %s does what it says',
    async (name, block) => {
      const file = writeBlock(
        place.folder,
        `${name.replaceAll(/\W/g, '-')}.mjs`,
        against(url, block),
      )
      const { code, output } = await run(process.execPath, [file])
      expect(output).not.toMatch(/Error/)
      expect(code).toBe(0)
    },
    90_000,
  )
})

function codeOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('//'))
}

function nameOf(at: number): string {
  const block = blocks[at]
  return block === undefined ? String(at) : `${block.document}:${block.line}`
}

async function run(
  program: string,
  args: readonly string[],
): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn(program, args, { cwd: place.folder, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  }
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, output }
}
