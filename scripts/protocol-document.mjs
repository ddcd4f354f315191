// Writes the parts of docs/PROTOCOL.md that the code knows best, or says that they are out of date.
// Build first.
//
//   node scripts/protocol-document.mjs [--write]

import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

const { values } = parseArgs({ options: { write: { type: 'boolean', default: false } } })
const built = new URL('../tests/dist/unit/peer/protocol-document.js', import.meta.url)
const { withGenerated } = await import(built.href)
const file = new URL('../docs/PROTOCOL.md', import.meta.url)
const before = readFileSync(file, 'utf8')
const after = withGenerated(before)

if (before === after) console.log('docs/PROTOCOL.md is as the code is')
else if (values.write) {
  writeFileSync(file, after)
  console.log('docs/PROTOCOL.md: written')
} else {
  console.error('docs/PROTOCOL.md is not as the code is: run this with --write, and look at it')
  process.exitCode = 1
}
