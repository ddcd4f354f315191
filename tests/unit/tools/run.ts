import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { onTestFinished } from 'vitest'

/** The project's root. vitest runs this file where it stands, not from the build. */
export const root = resolve(import.meta.dirname, '../../..')

/** A fresh folder with these files, removed when the test ends. */
export function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = makeFolder()
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const [path, text] of Object.entries(files)) write(folder, path, text)
  return folder
}

/** A fresh, empty folder. Who asks removes it. */
export function makeFolder(): string {
  return mkdtempSync(join(tmpdir(), 'holdfast-tools-'))
}

export function write(folder: string, path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), text)
}

/** Copies files or folders of the project to the same place in `folder`. */
export function copyFromProject(folder: string, paths: readonly string[]): void {
  for (const path of paths) cpSync(join(root, path), join(folder, path), { recursive: true })
}

export interface Outcome {
  readonly code: number | null
  /** Both streams, the error stream last. */
  readonly output: string
}

/** Runs a command to its end. `env` is added to this process's environment. */
export function run(
  command: string,
  args: readonly string[],
  { cwd = root, env = {} }: { cwd?: string; env?: Record<string, string> } = {},
): Outcome {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    env: { ...process.env, ...env },
    encoding: 'utf8',
  })
  if (error !== undefined) throw error
  return { code: status, output: stdout + stderr }
}

export function runNode(...args: readonly string[]): Outcome {
  return run(process.execPath, args)
}
