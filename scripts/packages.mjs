// Looks at each package that is published as npm would pack it: publint's findings, what the archive
// would hold, and whether the versions agree. Build first.
//
//   node scripts/packages.mjs [--root folder]

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'

const { values } = parseArgs({ options: { root: { type: 'string', default: '.' } } })
const root = resolve(values.root)
const house = readJson('package.json')
const manifests = new Map(
  house.workspaces.map((folder) => [folder, readJson(folder, 'package.json')]),
)
const published = [...manifests].filter(([, manifest]) => !manifest.private)

for (const [folder, manifest] of published) {
  const files = packedFiles(folder)
  const faults = [
    ...(await publintFaults(folder, manifest)),
    ...contentFaults(files),
    ...versionFaults(manifest),
  ]
  for (const fault of faults) console.error(`packages: ${manifest.name}: ${fault}`)
  if (faults.length > 0) process.exitCode = 1
  else console.log(`packages: ${manifest.name} ${manifest.version}: ${files.length} files`)
}

async function publintFaults(folder, manifest) {
  const { messages } = await publint({ pkgDir: join(root, folder), strict: true, pack: 'npm' })
  return messages.map((message) => formatMessage(message, manifest, { color: false }))
}

/** What `npm pack` would put into the archive. */
function packedFiles(folder) {
  const listing = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: join(root, folder),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return JSON.parse(listing)[0].files.map(({ path }) => path)
}

function contentFaults(files) {
  const missing = ['LICENSE', 'README.md', 'dist/index.js', 'dist/index.d.ts']
    .filter((file) => !files.includes(file))
    .map((file) => `${file} is not packed`)
  const strangers = files
    .filter(
      (file) => !/^(dist|src)\/.+\.(ts|js|map|css|html|svg|wasm)$|^bin\/[\w-]+\.mjs$/.test(file),
    )
    .filter((file) => !['LICENSE', 'README.md', 'CHANGELOG.md', 'package.json'].includes(file))
    .map((file) => `${file} does not belong into a package`)
  const tests = files
    .filter((file) => /\.test\.|\/tests?\//.test(file))
    .map((file) => `${file} is a test`)
  // A file whose source is gone would be published for ever: `npm run clean` removes it.
  const stale = files
    .filter((file) => /^dist\/.+\.js$/.test(file))
    .filter((file) => !files.includes(file.replace(/^dist\//, 'src/').replace(/\.js$/, '.ts')))
    .map((file) => `${file} has no source any more: npm run clean, then build`)
  return [...missing, ...strangers, ...tests, ...stale]
}

/** The packages are released together, and each wants exactly the others it was tested with. */
function versionFaults(manifest) {
  const faults = []
  if (manifest.version !== house.version) {
    faults.push(`version ${manifest.version}, but the house is at ${house.version}`)
  }
  for (const other of manifests.values()) {
    const wanted = manifest.dependencies?.[other.name]
    if (wanted !== undefined && wanted !== other.version) {
      faults.push(`wants ${other.name} ${wanted}, which is at ${other.version}`)
    }
  }
  return faults
}

function readJson(...path) {
  return JSON.parse(readFileSync(join(root, ...path), 'utf8'))
}
