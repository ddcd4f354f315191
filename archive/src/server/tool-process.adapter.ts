/**
 * Tools that read the whole log run in a process of their own: what they hold in memory and the time
 * that they take are nothing to the archive, and a file that is closed there takes no lock from it.
 */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface ToolResult {
  readonly exitCode: number
  /** What it printed; undefined if that was no JSON. */
  readonly report: unknown
  readonly complaint: string
}

/** Runs `holdfast-archive` with these words, of which `--json` is one, until it ends or is stopped. */
export function runTool(words: readonly string[], signal: AbortSignal): Promise<ToolResult> {
  return new Promise((resolve, reject) => {
    // Settings of the person who started the archive are not meant for it.
    const child = spawn(process.execPath, [main, ...words, '--config=off'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
    })
    const printed: Buffer[] = []
    let complaint = ''
    child.stdout.on('data', (chunk: Buffer) => printed.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => {
      complaint = `${complaint}${chunk.toString()}`.slice(-maxComplaintUnits)
    })
    child.on('error', reject)
    child.on('close', (code) => {
      resolve({ exitCode: code ?? 1, report: parsed(Buffer.concat(printed).toString()), complaint })
    })
  })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // It says what is wrong on its other stream.
    return undefined
  }
}

const main = fileURLToPath(new URL('../main.js', import.meta.url))

/** Progress goes there too: its end is what matters. */
const maxComplaintUnits = 4_096
