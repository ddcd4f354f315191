/** The code blocks of the project's documents, and what is done with each. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../unit/tools/run.js'

export interface Block {
  readonly document: string
  /** Of its first line. */
  readonly line: number
  readonly code: string
  /** What the comment in front asks for; every block is checked for its types. */
  readonly runs: 'nowhere' | 'node' | 'chromium'
}

export const documentsWithCode = ['README.md', 'docs/GETTING-STARTED.md'] as const

export function blocksOf(document: string): readonly Block[] {
  const lines = readFileSync(join(root, document), 'utf8').split('\n')
  const blocks: Block[] = []
  let runs: Block['runs'] | undefined = undefined
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? ''
    const asked = /^<!-- (?:run in: (node|chromium)|typed) -->$/.exec(line)
    if (asked !== null) runs = (asked[1] as 'node' | 'chromium' | undefined) ?? 'nowhere'
    if (line !== '```ts') continue
    const end = lines.indexOf('```', at)
    if (runs === undefined) {
      throw new Error(`${document}:${at + 1}: say <!-- typed --> or <!-- run in: … --> in front`)
    }
    blocks.push({ document, line: at + 2, code: lines.slice(at + 1, end).join('\n'), runs })
    runs = undefined
    at = end
  }
  return blocks
}

/** A folder from which the workspace's packages are found, and which nobody commits. */
export function scratch(name: string): { readonly folder: string; remove(): void } {
  const folder = join(root, 'tests', '.tmp', `${name}-${process.pid}`)
  mkdirSync(folder, { recursive: true })
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

export function writeBlock(folder: string, name: string, code: string): string {
  const file = join(folder, name)
  writeFileSync(file, `${code}\n`)
  return file
}

/** The same block, spoken to a server of the test's own. */
export function against(url: string, { code }: Block): string {
  return code.replaceAll('wss://sync.example.org', url)
}
