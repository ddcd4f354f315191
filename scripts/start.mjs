// `npm start`: compiles what has changed, builds the demo's page where that has changed, and runs
// `holdfast up` in this very process, so that Ctrl-C and signals reach it. What is given goes to it:
//
//   npm start -- --port 4450

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const demo = join(root, 'examples', 'notes')

if (!run(root, 'typescript', 'tsc', ['-b', 'cli', 'client'])) {
  console.error('start: it does not compile; see above')
  process.exit(1)
}
if (
  existsSync(join(demo, 'package.json')) &&
  !isBuilt() &&
  !run(demo, 'vite', 'vite', ['build', '--logLevel', 'warn'])
) {
  console.error('start: the page could not be built; the servers start without it')
}
if (process.env['npm_lifecycle_event'] !== undefined) endWithParent()
process.argv.splice(2, 0, 'up')
await import(join(root, 'cli', 'dist', 'main.js'))

/** npm, when it is told to end, ends the shell that it started, but not what runs in that. */
function endWithParent() {
  const parent = process.ppid
  const watch = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(watch)
    process.kill(process.pid, 'SIGTERM')
  }, 500)
  watch.unref()
}

/** Runs a tool of the workspace with this very Node; says whether it did well. */
function run(cwd, name, bin, args) {
  const { status } = spawnSync(process.execPath, [binOf(name, bin), ...args], {
    cwd,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  return status === 0
}

function binOf(name, bin) {
  const folder = join(root, 'node_modules', name, 'bin')
  return (
    [bin, `${bin}.js`].map((file) => join(folder, file)).find((file) => existsSync(file)) ?? bin
  )
}

/** Whether the page is younger than everything that it is made of. */
function isBuilt() {
  const page = join(demo, 'dist', 'index.html')
  if (!existsSync(page)) return false
  const builtMs = statSync(page).mtimeMs
  const sources = [demo, join(root, 'client', 'dist'), join(root, 'peer', 'dist')]
  return sources.every((folder) => newestMs(folder) <= builtMs)
}

function newestMs(folder) {
  let newest = 0
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) {
      const isOutput = entry.name === 'node_modules' || (folder === demo && entry.name === 'dist')
      if (!isOutput) newest = Math.max(newest, newestMs(path))
    } else if (!entry.name.endsWith('.tsbuildinfo')) {
      newest = Math.max(newest, statSync(path).mtimeMs)
    }
  }
  return newest
}
