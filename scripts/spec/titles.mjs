import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseSync } from 'vite'

/**
 * Collects the ids that test titles start with, from the source: `test('[L3] [A2] words', …)`, with
 * any of vitest's modifiers, in test files and in contract suites. A skipped test shows nothing, so
 * it does not count.
 *
 * @returns {{ titles: { ids: string[], where: string }[], faults: string[], files: number }}
 */
export function readTitles(root) {
  const titles = []
  const faults = []
  const files = sources(root)
  for (const file of files) {
    const text = readFileSync(join(root, file), 'utf8')
    const { program, errors } = parseSync(file, text)
    if (errors.length > 0) {
      faults.push(`${file} cannot be parsed: ${errors[0].message}`)
      continue
    }
    for (const { title, start } of testCalls(program)) {
      const where = `${file}:${text.slice(0, start).split('\n').length}`
      const ids = idsOf(title)
      if (title === undefined) faults.push(`${where} has a title that is not written out`)
      else if (ids.length === 0) faults.push(`${where} names no rule: '${title}'`)
      titles.push({ ids, where })
    }
  }
  return { titles, faults, files: files.length }
}

function sources(root) {
  const folder = join(root, 'tests')
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.m?ts$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .filter((file) => !/^tests\/(dist|node_modules)\//.test(file))
    .toSorted()
}

/** The leading ids: `[L3] [A2] words` gives L3 and A2. */
function idsOf(title = '') {
  const leading = /^(\[[A-Z]+-?\d+\] *)+/.exec(title)?.[0] ?? ''
  return [...leading.matchAll(/\[([^\]]+)\]/g)].map(([, id]) => id)
}

/** Every call of `test` or `it` that declares a test, with what is written of its title. */
function testCalls(program) {
  const calls = []
  walk(program, (node) => {
    if (node.type !== 'CallExpression' || !declaresTest(node.callee)) return
    calls.push({ title: literalStart(node.arguments[0]), start: node.start })
  })
  return calls
}

/** Modifiers after which the call still declares a test; `each(table)` and the like come before. */
const modifiers = ['only', 'fails', 'concurrent', 'sequential']
const factories = ['each', 'for', 'skipIf', 'runIf', 'extend']

function declaresTest(callee) {
  if (callee.type === 'Identifier') return callee.name === 'test' || callee.name === 'it'
  if (callee.type === 'MemberExpression') {
    return modifiers.includes(callee.property.name) && declaresTest(callee.object)
  }
  const inner = callee.type === 'CallExpression' ? callee.callee : callee.tag
  return (
    inner?.type === 'MemberExpression' &&
    factories.includes(inner.property.name) &&
    declaresTest(inner.object)
  )
}

/** A string, or a template up to its first hole; undefined for anything computed. */
function literalStart(node) {
  if (node?.type === 'Literal' && typeof node.value === 'string') return node.value
  if (node?.type === 'TemplateLiteral') return node.quasis[0].value.cooked
  return undefined
}

function walk(node, visit) {
  if (Array.isArray(node)) {
    for (const child of node) walk(child, visit)
  } else if (typeof node === 'object' && node !== null) {
    if (typeof node.type === 'string') visit(node)
    for (const child of Object.values(node)) walk(child, visit)
  }
}
