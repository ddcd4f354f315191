import {
  explainMessage,
  fieldsOf,
  messageKinds,
  vocabulary,
  type Message,
  type MessageType,
} from '@holdfast/peer/protocol'
import { examples, messageTypes } from './protocol-examples.js'

/**
 * The parts of docs/PROTOCOL.md that the code knows best: the table of messages, what the names of
 * types stand for, and for each message its fields and its examples in bytes. They stand between
 * `<!-- generated: name -->` and `<!-- end -->`; everything around them is written by hand.
 */
export function withGenerated(document: string): string {
  const parts = generatedParts()
  const names = [...document.matchAll(marker)].map(([, name]) => name as string)
  const missing = [...parts.keys()].filter((name) => !names.includes(name))
  if (missing.length > 0) throw new Error(`docs/PROTOCOL.md has no place for ${missing.join(', ')}`)
  return document.replaceAll(marker, (_, name: string) => {
    const part = parts.get(name)
    if (part === undefined) throw new Error(`docs/PROTOCOL.md has a place for ${name}: unknown`)
    return `<!-- generated: ${name} -->\n\n${part}\n\n<!-- end -->`
  })
}

/** Examples as they stand in the document: the bytes of each code block of each message. */
export function examplesIn(document: string): ReadonlyMap<string, readonly Uint8Array[]> {
  const found = new Map<string, readonly Uint8Array[]>()
  for (const [, name, part] of document.matchAll(filledMarker)) {
    const blocks = [...(part as string).matchAll(/```\n([^`]*)```/g)].map(([, block]) => {
      // The bytes come first in a line; what they are follows after two spaces.
      const hex = (block as string).split('\n').map((line) => line.split('  ')[0])
      return Uint8Array.from(Buffer.from(hex.join('').replaceAll(' ', ''), 'hex'))
    })
    found.set(name as string, blocks)
  }
  return found
}

/** The cells of all table rows in the document. */
export function rowsIn(document: string): readonly (readonly string[])[] {
  return document
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
}

const marker = /<!-- generated: ([a-z -]+) -->[^]*?<!-- end -->/g
const filledMarker = /<!-- generated: ([a-z -]+) -->([^]*?)<!-- end -->/g

function generatedParts(): ReadonlyMap<string, string> {
  return new Map([
    ['messages', overview()],
    ['types', types()],
    ...messageTypes.map((type) => [type, chapter(type)] as const),
  ])
}

function overview(): string {
  const lanes = { live: 'live', bulk: 'bulk', size: 'by size' }
  return table(
    ['number', 'message', 'said by', 'lane', 'at most'],
    Object.values(messageKinds).map(({ number, type, speaker, lane, maxBytes }) => [
      code(hexByte(number)),
      `[${type}](#${type})`,
      speaker === 'either' ? 'any' : speaker,
      lanes[lane],
      `${maxBytes.toLocaleString('en-US')} B`,
    ]),
  )
}

function types(): string {
  return table(
    ['type', 'is'],
    vocabulary.map(({ name, definition }) => [code(name), code(definition)]),
  )
}

function chapter(type: MessageType): string {
  const fields = fieldsOf(type).map(({ name, notation }) =>
    notation === name ? `\`${name}\`` : `\`${name}: ${notation}\``,
  )
  const blocks = examples[type].map(
    ({ story, message }) => `${story}\n\n\`\`\`\n${explained(message)}\n\`\`\``,
  )
  return [`\`${hexByte(messageKinds[type].number)}\`, then ${fields.join(' · ')}`, ...blocks].join(
    '\n\n',
  )
}

const bytesALine = 16

/** Each field from a new line, its name and value behind its first bytes. */
function explained(message: Message): string {
  return explainMessage(message)
    .flatMap(({ field, bytes }, index) => {
      const value = index === 0 ? '' : ` ${shown((message as never as Values)[field])}`
      const lines: string[] = []
      for (let at = 0; at < bytes.length; at += bytesALine) {
        const hex = [...bytes.subarray(at, at + bytesALine)].map(hexByte).join(' ')
        lines.push(at === 0 ? `${hex.padEnd(bytesALine * 3)} ${field}${value}` : hex)
      }
      return lines
    })
    .join('\n')
}

type Values = Readonly<Record<string, unknown>>

/** A value in a few words: ids by their first digits, bytes by their number. */
function shown(value: unknown): string {
  if (value === undefined) return '–'
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (typeof value === 'string')
    return /^[0-9a-f]{16,}$/.test(value) ? `${value.slice(0, 4)}…` : `'${value}'`
  if (Array.isArray(value)) return `[${value.map(shown).join(', ')}]`
  if (typeof value !== 'object') return JSON.stringify(value)
  const fields = Object.entries(value as Values).map(([name, one]) => `${name}: ${shown(one)}`)
  return `{ ${fields.join(', ')} }`
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows].map((cells) => `| ${cells.join(' | ')} |`)
  return lines.toSpliced(1, 0, `|${'---|'.repeat(head.length)}`).join('\n')
}

function code(text: string): string {
  // A bar inside a table's cell would end the cell.
  return `\`${text.replaceAll('|', '\\|')}\``
}

function hexByte(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}
