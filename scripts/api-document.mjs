// Writes docs/CLIENT-API.md from the comments in the client's code, or says that it is out of date.
//
//   node scripts/api-document.mjs [--write]

import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { apiPage, pagePath } from './api/page.mjs'

const { values } = parseArgs({ options: { write: { type: 'boolean', default: false } } })
const page = apiPage()
if (values.write) {
  writeFileSync(pagePath, page)
  console.log('docs/CLIENT-API.md: written')
} else if (readFileSync(pagePath, 'utf8') === page) {
  console.log('docs/CLIENT-API.md is as the code is')
} else {
  console.error('docs/CLIENT-API.md is not as the code is: run this with --write, and look at it')
  process.exitCode = 1
}
