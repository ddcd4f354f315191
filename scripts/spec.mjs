// The documents say what holds, the tests show it, and this script keeps the two together. It fails
// when a rule or a claimed failure has no test, when a test names no id or one that no document
// defines. What is still open is printed each time, so that nobody forgets it.
//
//   node scripts/spec.mjs [--root folder]

import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { readDefinitions } from './spec/documents.mjs'
import { readTitles } from './spec/titles.mjs'

const { values } = parseArgs({ options: { root: { type: 'string', default: '.' } } })
const root = resolve(values.root)
const { definitions, faults: documentFaults } = readDefinitions(root)
const { titles, faults: titleFaults, files } = readTitles(root)

const tested = new Set(titles.flatMap(({ ids }) => ids))
const all = [...definitions.values()]
const faults = [
  ...documentFaults,
  ...titleFaults,
  ...unknownIds(),
  ...all
    .filter(({ id, status }) => status === 'claimed' && !tested.has(id))
    .map(({ id, where }) => `${where} ${id} has no test`),
]

for (const kind of ['failure', 'goal']) {
  const open = all.filter((definition) => definition.kind === kind && definition.status === 'open')
  if (open.length === 0) continue
  console.log(`open ${kind}s, which a later step has to claim (* has a test already):`)
  for (const [area, inArea] of groupByArea(open)) {
    console.log(`  ${area.padEnd(14)} ${inArea.map(({ id }) => mark(id)).join(' ')}`)
  }
}
for (const fault of faults) console.error(`spec: ${fault}`)
console.log(
  `spec: ${count('rule', 'claimed')} rules, ${count('failure', 'claimed')} failures claimed and ` +
    `${count('failure', 'open')} open, ${count('goal', 'claimed')} goals claimed and ` +
    `${count('goal', 'open')} open; ${titles.length} tests in ${files} files; ` +
    `${faults.length} faults`,
)
process.exitCode = faults.length > 0 ? 1 : 0

/** One fault for each id that tests name and no document defines, with the first of these tests. */
function unknownIds() {
  const named = new Map()
  for (const { ids, where } of titles) {
    for (const id of ids) if (!definitions.has(id)) named.set(id, [...(named.get(id) ?? []), where])
  }
  return [...named].map(([id, [first, ...more]]) => {
    const others = more.length > 0 ? ` (${more.length} more do)` : ''
    return `${first} names ${id}, which no document defines${others}`
  })
}

function mark(id) {
  return tested.has(id) ? `${id}*` : id
}

function count(kind, status) {
  return all.filter((definition) => definition.kind === kind && definition.status === status).length
}

function groupByArea(open) {
  const groups = new Map()
  for (const one of open) groups.set(one.area, [...(groups.get(one.area) ?? []), one])
  return groups
}
