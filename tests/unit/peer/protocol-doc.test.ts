import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  encodeMessage,
  errorCodes,
  frameBounds,
  hashedOfDocumentId,
  hashedOfOp,
  hashedOfTreeNode,
  messageBounds,
  parseMessage,
  protocolVersion,
  type Digest,
  type DocumentId,
  type InstanceId,
} from '@holdfast/peer/protocol'
import { toHex } from './hostile-runs.js'
import { examplesIn, rowsIn, withGenerated } from './protocol-document.js'
import { bytes, examples, messageTypes } from './protocol-examples.js'

const file = new URL('../../../docs/PROTOCOL.md', import.meta.url)
const document = readFileSync(file, 'utf8')
const rows = rowsIn(document)

describe('docs/PROTOCOL.md', () => {
  test('[PROTO-12] the bytes of every example are those of the code, both ways', () => {
    const inDocument = examplesIn(document)
    for (const type of messageTypes) {
      const written = inDocument.get(type) ?? []
      const messages = examples[type].map(({ message }) => message)
      expect(written.map(toHex)).toStrictEqual(
        messages.map((message) => toHex(encodeMessage(message))),
      )
      expect(written.map(parseMessage)).toStrictEqual(
        messages.map((value) => ({ ok: true, value })),
      )
    }
  })

  test('[PROTO-12] the parts that the code knows best are up to date', () => {
    // If this fails: node scripts/protocol-document.mjs --write, and look at what changed.
    expect(withGenerated(document)).toBe(document)
  })

  test('[PROTO-12] every message has a chapter, and every chapter with examples a message', () => {
    const chapters = [...document.matchAll(/^#### (\S+)$/gm)].map(([, name]) => name)
    expect(chapters).toStrictEqual(messageTypes)
  })

  test('[PROTO-12] every code has its row, with its number and what comes next', () => {
    const written = rows
      .filter(([number, , next]) => /^\d+$/.test(number ?? '') && next !== undefined)
      .map(([number, code, next, means]) => ({ number, code, next, isExplained: means !== '' }))
    expect(written).toStrictEqual(
      Object.entries(errorCodes).map(([code, { number, next }]) => ({
        number: String(number),
        code: `\`${code}\``,
        next,
        isExplained: true,
      })),
    )
  })

  test('[PROTO-12] every limit has its row, with its value', () => {
    const bounds = [
      ...Object.entries<number>(messageBounds),
      ...Object.entries<number>(frameBounds).map(([name, value]) => [`frame.${name}`, value]),
    ] as [string, number][]
    const written = new Map(rows.map(([name, value]) => [name, value]))
    for (const [name, value] of bounds) {
      expect([name, written.get(`\`${name}\``)]).toStrictEqual([
        name,
        value.toLocaleString('en-US'),
      ])
    }
  })

  test('[PROTO-12] the version is that of the code', () => {
    expect(document).toContain(`The version is ${protocolVersion}.`)
  })
})

describe('what is hashed', () => {
  const note = { id: 'note-1' as DocumentId, generation: 300 }
  const digest = 'e1'.repeat(32) as Digest

  test('[PROTO-17] an op: its instance, n, document and update, one after the other', () => {
    const op = { instance: 'b1'.repeat(16) as InstanceId, n: 12 }
    const hashed = hashedOfOp(op, note, bytes('aa bb'))
    expect(toHex(hashed)).toBe(`${'b1'.repeat(16)}0c066e6f74652d31ac0202aabb`)
    const hash = createHash('sha256').update(hashed).digest('hex').slice(0, 16)
    expect(document).toContain(`\`${hash}\``)
  })

  test('[PROTO-17] a node of the digest tree: each document below it', () => {
    const hashed = hashedOfTreeNode([{ document: note, digest }, { document: note }])
    expect(toHex(hashed)).toBe(`066e6f74652d31ac0201${digest}066e6f74652d31ac0200`)
    expect(toHex(hashedOfDocumentId(note.id))).toBe('066e6f74652d31')
  })
})
