import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import {
  encodeRelayFrame,
  errorCodes,
  hexOf,
  nextAfter,
  parseFromSignaller,
  parseToSignaller,
} from '@holdfast/peer/protocol'

const path = new URL('../../../docs/PROTOCOL-SIGNALLING.md', import.meta.url)
const document = readFileSync(path, 'utf8')

test('[SIG-2] every message of the document is read as it stands there, and none is missing', () => {
  const [fromPeer = '', fromServer = ''] = ['## From the peer', '## From the server'].map(section)
  const toSignaller = examples(fromPeer)
  const fromSignaller = examples(fromServer)
  for (const line of toSignaller) {
    expect(parseToSignaller(line)).toEqual({ ok: true, value: JSON.parse(line) as unknown })
  }
  for (const line of fromSignaller) {
    expect(parseFromSignaller(line)).toEqual({ ok: true, value: JSON.parse(line) as unknown })
  }
  expect(new Set(toSignaller.map(typeOf))).toEqual(
    new Set([
      'join',
      'leave',
      'signal',
      'renew',
      'relay-open',
      'relay-close',
      'watch',
      'ping',
      'pong',
    ]),
  )
  expect(new Set(fromSignaller.map(typeOf))).toEqual(
    new Set([
      'joined',
      'left',
      'neighbours',
      'signal',
      'renewed',
      'expiring',
      'relay-wanted',
      'relay-opened',
      'relay-credit',
      'relay-closed',
      'watching',
      'rooms',
      'unwatched',
      'error',
      'drain',
    ]),
  )
})

test('[SIG-2] the relayed frame of the document is what is written', () => {
  const [, hex = ''] = /```hex\n(.*)\n```/.exec(document) ?? []
  expect(hexOf(encodeRelayFrame(1, new TextEncoder().encode('hello')))).toBe(
    hex.replaceAll(' ', ''),
  )
})

test('[SIG-3] the codes of the document exist, with the numbers by which sockets are closed', () => {
  const rows = [...section('## Codes').matchAll(/^\| `([a-z-]+)` \| ([^|]*) \|/gm)]
  expect(rows.length).toBeGreaterThan(15)
  for (const [, code = '', close = ''] of rows) {
    expect(errorCodes).toHaveProperty([code])
    const known = code as keyof typeof errorCodes
    for (const [number] of close.matchAll(/\b4\d{3}\b/g)) {
      expect(Number(number)).toBe(4000 + errorCodes[known].number)
    }
    expect(['retry', 'resync', 'fatal']).toContain(nextAfter(known))
  }
})

function section(title: string): string {
  const from = document.indexOf(title)
  const to = document.indexOf('\n## ', from + 1)
  return document.slice(from, to < 0 ? undefined : to)
}

function examples(text: string): string[] {
  return [...text.matchAll(/```json\n([^`]*)```/g)].flatMap(([, lines = '']) =>
    lines.trim().split('\n'),
  )
}

function typeOf(line: string): string {
  return (JSON.parse(line) as { type: string }).type
}
