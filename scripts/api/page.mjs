// The page of the client's surface, from the comments in its code.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseExports } from './parse.mjs'

const root = new URL('../../', import.meta.url)

/** What stands where on the page. Every export of an entry point is in one of these files. */
const parts = [
  {
    title: 'Making a client',
    files: ['client/src/client/create-client.ts', 'client/src/client/options.ts'],
    only: ['createClient', 'ClientOptions'],
  },
  {
    title: 'Stores',
    files: [
      'client/src/client/browser-store.ts',
      'client/src/client/node-store.ts',
      'client/src/native/native-store.ts',
      'client/src/client/memory-store.ts',
    ],
  },
  { title: 'Clients, collections, documents', files: ['client/src/api.ts'] },
  { title: 'In place of y-webrtc and y-websocket', files: ['client/src/provider.ts'] },
  {
    title: 'React',
    files: [
      'client/src/react/use-document.ts',
      'client/src/react/use-presence.ts',
      'client/src/react/use-status.ts',
    ],
  },
  { title: 'Errors', files: ['client/src/errors.ts'] },
]

export const pagePath = fileURLToPath(new URL('docs/CLIENT-API.md', root))

/** The whole page as text. */
export function apiPage() {
  const sections = parts.map(({ title, files, only }) => {
    const items = files
      .flatMap((file) => parseExports(readIfThere(file)))
      .filter(({ name }) => only === undefined || only.includes(name))
    return items.length === 0 ? '' : `## ${title}\n\n${items.map(textOf).join('\n')}`
  })
  return `# The client's surface

Made from the comments in the code by \`node scripts/api-document.mjs --write\`; a test compares the two. [Getting started](GETTING-STARTED.md) shows it in use, [the specification](spec/client.md) says what each word promises.

${sections.filter((section) => section !== '').join('\n')}`
}

function readIfThere(file) {
  try {
    return readFileSync(new URL(file, root), 'utf8')
  } catch (cause) {
    if (cause.code !== 'ENOENT') throw cause
    return ''
  }
}

function textOf({ name, doc, signature, members }) {
  const lines = [`### ${name}`, '']
  if (signature !== '') lines.push('```ts', signature, '```', '')
  if (doc !== '') lines.push(doc, '')
  for (const member of members) {
    const text = member.doc === '' ? '' : `: ${member.doc.replace(/\n+/g, ' ')}`
    lines.push(`- \`${member.signature}\`${text}`)
  }
  if (members.length > 0) lines.push('')
  return lines.join('\n')
}
