// What a browser app installs together with `@holdfast/client`. It must not pull a native module,
// nor what only a server needs: this walks the lock file from the client's production dependencies
// (required peers included, optional ones not) and fails when it meets one.
//
//   node scripts/closure.mjs [--root folder]

import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

/** The workspaces that end up in an app. */
const embedded = ['client', 'peer']

/** What the servers stand on. */
const serverOnly = [
  'holdfast',
  '@holdfast/access',
  '@holdfast/archive',
  '@holdfast/command',
  '@holdfast/signal',
  'better-sqlite3',
].concat(['@roamhq/wrtc', 'jose', 'pino', 'prom-client', 'ws'])

/** Who needs one of these builds or loads a native module. */
const nativeTools = ['bindings', 'node-addon-api', 'node-gyp-build', 'prebuild-install']

const { values } = parseArgs({ options: { root: { type: 'string', default: '.' } } })
const lock = JSON.parse(readFileSync(join(resolve(values.root), 'package-lock.json'), 'utf8'))

for (const workspace of embedded) {
  const reached = closureOf(workspace)
  const faults = [...reached].flatMap(([at, path]) =>
    faultsOf(at).map((fault) => `${path} ${fault}`),
  )
  for (const fault of faults) console.error(`closure: ${fault}`)
  if (faults.length > 0) process.exitCode = 1
  else console.log(`closure: ${lock.packages[workspace].name} installs ${namesOf(reached)}`)
}

/** Each package that comes along, by its place in the lock file, with the way that leads to it. */
function closureOf(workspace) {
  const reached = new Map([[workspace, lock.packages[workspace].name]])
  for (const [at, path] of reached) {
    for (const name of requirementsOf(lock.packages[at])) {
      const found = locate(at, name)
      if (found !== undefined && !reached.has(found)) reached.set(found, `${path} > ${name}`)
    }
  }
  return reached
}

function requirementsOf({ dependencies, optionalDependencies, peerDependencies, ...entry }) {
  const optionalPeers = entry.peerDependenciesMeta ?? {}
  return [
    ...Object.keys(dependencies ?? {}),
    ...Object.keys(optionalDependencies ?? {}),
    ...Object.keys(peerDependencies ?? {}).filter((name) => !optionalPeers[name]?.optional),
  ]
}

/** Node's way of looking: in the package's own node_modules first, then in those around it. */
function locate(from, name) {
  for (let folder = from; ; folder = folder.replace(/(^|\/)[^/]*$/, '')) {
    const at = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`
    const entry = lock.packages[at]
    if (entry !== undefined) return entry.link ? entry.resolved : at
    if (folder === '') return undefined
  }
}

function faultsOf(at) {
  const entry = lock.packages[at]
  const name = nameOf(at)
  const faults = []
  if (serverOnly.includes(name)) faults.push('is a server dependency')
  if (entry.hasInstallScript) faults.push('runs an install script')
  if (entry.os || entry.cpu || entry.libc) faults.push('is built for one platform')
  const tools = requirementsOf(entry).filter((needed) => nativeTools.includes(needed))
  if (tools.length > 0) faults.push(`is native: it needs ${tools.join(', ')}`)
  return faults
}

function nameOf(at) {
  return lock.packages[at].name ?? at.split('node_modules/').at(-1)
}

function namesOf(reached) {
  const [, ...others] = [...reached.keys()].map(nameOf)
  return others.length > 0 ? others.join(', ') : 'nothing besides itself'
}
