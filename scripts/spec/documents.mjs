import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Reads the ids that the documents define. A definition is a table row that starts with its id:
 *
 *   | PROTO-1 | sentence |                               in docs/SPEC.md and docs/spec/*.md
 *   | L1 | goes wrong | must hold | area | status |      in docs/FAILURES.md
 *   | M1 | scenario | goal | area | status |             in docs/GOALS.md
 *
 * The status is `claimed` (a test has to show it) or `open` (a later step will). Rules have none:
 * a rule describes what exists, so it is claimed by being written down.
 *
 * @returns {{ definitions: Map<string, Definition>, faults: string[] }}
 */
export function readDefinitions(root) {
  const definitions = new Map()
  const faults = unlinked(root)
  for (const { file, kind } of documents(root)) {
    for (const { cells, line } of idRows(readFileSync(join(root, file), 'utf8'))) {
      const where = `${file}:${line}`
      const [id] = cells
      const earlier = definitions.get(id)
      if (earlier !== undefined) {
        faults.push(`${where} defines ${id}, which ${earlier.where} defines already`)
        continue
      }
      const definition = { id, kind, where, ...standing(kind, cells) }
      if (definition.status === undefined) {
        faults.push(`${where} ${id}: the last column is neither 'claimed' nor 'open'`)
      }
      definitions.set(id, definition)
    }
  }
  return { definitions, faults }
}

/** Pages of rules that nobody finds, because the main page does not lead to them. */
function unlinked(root) {
  const pages = areaPages(root)
  const main = pages.length > 0 ? readFileSync(join(root, 'docs/SPEC.md'), 'utf8') : ''
  return pages
    .filter((name) => !main.includes(`(spec/${name})`))
    .map((name) => `docs/SPEC.md does not link to spec/${name}`)
}

function areaPages(root) {
  const folder = join(root, 'docs/spec')
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => name.endsWith('.md'))
    .toSorted()
}

function documents(root) {
  return [
    { file: 'docs/SPEC.md', kind: 'rule' },
    ...areaPages(root).map((name) => ({ file: `docs/spec/${name}`, kind: 'rule' })),
    { file: 'docs/FAILURES.md', kind: 'failure' },
    { file: 'docs/GOALS.md', kind: 'goal' },
  ].filter(({ file }) => existsSync(join(root, file)))
}

function standing(kind, cells) {
  if (kind === 'rule') return { area: undefined, status: 'claimed' }
  const [area, status] = cells.slice(-2)
  return { area, status: ['claimed', 'open'].includes(status) ? status : undefined }
}

function idRows(text) {
  return text.split('\n').flatMap((row, index) => {
    if (!/^\| *[A-Z]+-?\d+ *\|/.test(row)) return []
    // A pipe inside a cell is written \|.
    const cells = row.trim().split(/(?<!\\)\|/)
    return [{ cells: cells.slice(1, -1).map((cell) => cell.trim()), line: index + 1 }]
  })
}

/**
 * @typedef {object} Definition
 * @property {string} id
 * @property {'rule' | 'failure' | 'goal'} kind
 * @property {string} where
 * @property {string | undefined} area
 * @property {'claimed' | 'open' | undefined} status
 */
