import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  encodeMessage,
  messageKinds,
  parseMessage,
  protocolVersion,
  type Message,
  type Parsed,
} from '@holdfast/peer/protocol'
import type { SeededRandom } from '@holdfast/peer/testing'
import {
  bytesAllocatedBy,
  damage,
  hostileRuns,
  hugeNumbers,
  numericSeed,
  replaced,
  toHex,
  within50Ms,
} from './hostile-runs.js'
import { arbitraryMessage } from './messages-arbitrary.js'
import { exampleMessages } from './protocol-examples.js'

const seed = 'hostile messages'
const examples = exampleMessages.map(encodeMessage)
const corpus = [
  ...examples,
  ...fc.sample(arbitraryMessage(), { numRuns: 500, seed: numericSeed(seed) }).map(encodeMessage),
]
const numbers = Object.values(messageKinds).map(({ number }) => number)

test('[K13] [PROTO-1] [PROTO-2] damaged messages and noise are values or refusals, never throws', () => {
  const accepted: boolean[] = []
  hostileRuns({
    seed,
    runs: 4_000,
    make: hostileMessage,
    show: toHex,
    check: (bytes) => accepted.push(checked(bytes).ok),
  })
  // Both happened: the damage is neither always fatal nor always harmless.
  expect(new Set(accepted).size).toBe(2)
})

test('[K13] [PROTO-7] every proper beginning of a message is refused as malformed', () => {
  for (const bytes of corpus) {
    // Of long ones every eighth: the short ones already end in every field.
    const step = bytes.length > 200 ? 8 : 1
    for (let length = 0; length < bytes.length; length += step) {
      const parsed = checked(bytes.subarray(0, length))
      expect(parsed).toMatchObject({ ok: false, refusal: { code: 'malformed' } })
    }
  }
})

test('[PROTO-7] a byte after the end of a message is refused', () => {
  for (const bytes of corpus) {
    const parsed = checked(Uint8Array.of(...bytes, 0))
    expect(parsed.ok ? parsed : parsed.refusal.detail).toMatch(
      /: (bytes after the end|longer than)/,
    )
  }
})

test('[K17] [PROTO-1] a huge number in any place of any message is a value or a refusal', () => {
  for (const bytes of examples) {
    for (let at = 1; at < bytes.length; at++) {
      for (const huge of hugeNumbers) checked(replaced(bytes, at, 1, huge))
    }
  }
})

test('[K17] [PROTO-4] a count or a length that the bytes do not justify allocates nothing', () => {
  const claims = examples.flatMap((bytes) =>
    Array.from({ length: bytes.length - 1 }, (_, at) =>
      replaced(bytes, at + 1, 1, hugeNumbers[at % 4]),
    ),
  )
  for (const claim of claims) parseMessage(claim)
  for (const claim of claims) expectProportionate(claim)
})

test('[K17] [PROTO-4] the densest messages, lists of the smallest items, stay in proportion', () => {
  const instance = 'b1'.repeat(16) as never
  const document = { id: 'a' as never, generation: 0 }
  const ops = Array.from({ length: 1_024 }, (_, n) => ({ instance, n }))
  const empty = new Uint8Array(0)
  const dense: readonly Message[] = [
    { type: 'announce', ops },
    { type: 'push', ops: ops.map((op) => ({ kind: 'live', op, document, bytes: empty })) },
    {
      type: 'missing',
      document,
      ranges: ops.map(() => ({ client: 1, clock: 0, length: 1 })),
    },
    {
      type: 'fetched',
      request: 1,
      seq: 1,
      content: { kind: 'snapshot', document, bytes: empty, parked: ops.map(() => empty) },
    },
    {
      type: 'changes',
      subscription: 1,
      page: {
        after: 0,
        entries: Array.from({ length: 4_096 }, (_, n) => ({
          kind: 'row' as const,
          seq: n + 1,
          document,
          bytes: empty,
        })),
        through: 4_096,
        head: 4_096,
      },
    },
  ]
  for (const bytes of dense.map(encodeMessage)) {
    expect(parseMessage(bytes).ok).toBe(true)
    expectProportionate(bytes)
  }
})

/** What every input must stand: no throw, no hang, and one form in bytes if it is a message. */
function checked(bytes: Uint8Array): Parsed<Message> {
  const parsed = within50Ms(() => parseMessage(bytes))
  const fault = parsed.ok ? faultInForm(parsed.value, bytes) : faultInDetail(parsed.refusal.detail)
  if (fault !== undefined) throw new Error(`${fault}: ${toHex(bytes)}`)
  return parsed
}

function faultInForm(message: Message, bytes: Uint8Array): string | undefined {
  const again = encodeMessage(message)
  // A `hello` of a later version may say more than this version can write.
  const isFromLaterVersion = message.type === 'hello' && message.version > protocolVersion
  const same = isFromLaterVersion ? bytes.subarray(0, again.length) : bytes
  return Buffer.compare(again, same) === 0 ? undefined : `written again as ${toHex(again)}`
}

/** A refusal is told in our own words: one line of plain characters, nothing of what was sent. */
function faultInDetail(detail: string): string | undefined {
  return /^[ -~]{1,200}$/.test(detail) ? undefined : `a detail like '${detail}'`
}

function hostileMessage(random: SeededRandom): Uint8Array {
  const one = corpus[random.uint32() % corpus.length] as Uint8Array
  const kind = random.uint32() % 8
  if (kind === 0) return random.bytes(random.uint32() % 300)
  if (kind === 1) {
    const number = numbers[random.uint32() % numbers.length] as number
    return Uint8Array.of(number, ...random.bytes(random.uint32() % 200))
  }
  return damage(one, corpus, random)
}

/** Views and objects cost some hundred bytes for as little as three on the wire, never more. */
function expectProportionate(bytes: Uint8Array): void {
  // The least of three: something else may allocate meanwhile.
  const tries = [0, 1, 2].map(() => bytesAllocatedBy(() => parseMessage(bytes)))
  expect(Math.min(...tries)).toBeLessThan(32_768 + 128 * bytes.length)
}
