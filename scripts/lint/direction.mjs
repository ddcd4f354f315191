import { readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isAdapter, openRooms, privateNames, pureNodeCrypto, rooms } from './rooms.mjs'

/**
 * Holds each import against the table in `rooms.mjs`. Types count as much as values, with one
 * exception: the type of something that belongs into an adapter may be named outside of it.
 */
export const direction = {
  meta: {
    type: 'problem',
    messages: {
      relative: "'{{specifier}}' leaves the package: import the other one by its name",
      self: "'{{specifier}}' is this package itself: import the file",
      past: "'{{specifier}}' is not among the exports of {{name}}",
      arrow: "{{room}} may not know '{{specifier}}' (scripts/lint/rooms.mjs)",
      adapter: "'{{specifier}}' belongs into an adapter (*.adapter.ts): it touches the world",
      computed: 'An import whose target is computed cannot be checked: write it out',
    },
  },
  create(context) {
    const path = toPosix(relative(root, context.filename))
    const room = roomOf(path)
    const open = openRooms.includes(path.split('/')[0])
    if (room === undefined && !open) return {}

    function check(node, source, { typeOnly = false, names }) {
      const literal = source?.literal ?? source
      if (typeof literal?.value !== 'string') {
        if (room !== undefined && !isAdapter(path)) context.report({ node, messageId: 'computed' })
        return
      }
      const specifier = literal.value
      const fault = faultOf({ path, room, specifier, typeOnly, names })
      if (fault !== undefined) {
        context.report({ node, messageId: fault.id, data: { specifier, ...fault.data } })
      }
    }

    return {
      ImportDeclaration(node) {
        check(node, node.source, {
          typeOnly: node.importKind === 'type',
          names: importedNames(node),
        })
      },
      ExportNamedDeclaration(node) {
        if (node.source) check(node, node.source, { typeOnly: node.exportKind === 'type' })
      },
      ExportAllDeclaration(node) {
        check(node, node.source, { typeOnly: node.exportKind === 'type' })
      },
      ImportExpression(node) {
        check(node, node.source, {})
      },
      TSImportType(node) {
        check(node, node.source ?? node.argument, { typeOnly: true })
      },
    }
  },
}

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..')

function faultOf({ path, room, specifier, typeOnly, names }) {
  if (specifier.startsWith('.')) return faultOfRelative(path, room, specifier)

  const name = packageName(specifier)
  const folder = workspaceFolders().get(name)
  if (folder !== undefined) {
    if (folder === path.split('/')[0]) return { id: 'self' }
    if (!exportsOf(folder).includes(subpath(specifier))) return { id: 'past', data: { name } }
    if (name === '@holdfast/tests' && path.startsWith('bench/')) return undefined
    if (room === undefined && !privateNames.includes(name)) return undefined
  }
  if (room === undefined) {
    return privateNames.includes(name) ? { id: 'arrow', data: { room: path } } : undefined
  }
  const bare = isBuiltin(specifier) ? `node:${specifier.replace(/^node:/, '')}` : specifier
  if (bare === 'node:crypto' && covers(room.knows, bare) && !isAdapter(path) && !typeOnly) {
    const pure = names !== undefined && names.every((name) => pureNodeCrypto.includes(name))
    return pure ? undefined : { id: 'adapter' }
  }
  if (covers(room.knows, bare)) return undefined
  if (isBuiltin(bare) || covers(room.adaptersKnow ?? [], bare)) {
    return isAdapter(path) || typeOnly ? undefined : { id: 'adapter' }
  }
  return { id: 'arrow', data: { room: room.folder } }
}

function faultOfRelative(path, room, specifier) {
  const target = toPosix(join(dirname(path), specifier))
  if (target.split('/')[0] !== path.split('/')[0]) return { id: 'relative' }
  const other = roomOf(target)
  if (room === undefined || other === room) return undefined
  if (other === undefined || !room.knows.includes(other.folder)) {
    return { id: 'arrow', data: { room: room.folder } }
  }
  return undefined
}

/** The most specific room that holds this path. */
function roomOf(path) {
  return rooms
    .filter(({ folder }) => path.startsWith(`${folder}/`))
    .toSorted((a, b) => b.folder.length - a.folder.length)[0]
}

/** `yjs` in the list covers `yjs` and `yjs/anything`; a workspace's name covers just itself. */
function covers(list, specifier) {
  if (list.includes(specifier)) return true
  const name = packageName(specifier)
  return !workspaceFolders().has(name) && list.includes(name)
}

/** What is imported by name, or undefined where everything is (`import * as`, a default). */
function importedNames(node) {
  const named = node.specifiers.filter(({ type }) => type === 'ImportSpecifier')
  if (named.length !== node.specifiers.length) return undefined
  return named.map(({ imported }) => imported.name ?? imported.value)
}

function packageName(specifier) {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}

function subpath(specifier) {
  return `.${specifier.slice(packageName(specifier).length)}`
}

const folderByName = new Map()

/** Workspace folders by package name, read once a run. */
function workspaceFolders() {
  if (folderByName.size === 0) {
    for (const folder of readJson('package.json').workspaces) {
      folderByName.set(readJson(folder, 'package.json').name, folder)
    }
  }
  return folderByName
}

const exportsByFolder = new Map()

function exportsOf(folder) {
  let found = exportsByFolder.get(folder)
  if (found === undefined) {
    found = Object.keys(readJson(folder, 'package.json').exports ?? {})
    exportsByFolder.set(folder, found)
  }
  return found
}

function readJson(...path) {
  return JSON.parse(readFileSync(join(root, ...path), 'utf8'))
}

function toPosix(path) {
  return path.split(sep).join('/')
}
