import { isDeepStrictEqual } from 'node:util'
import {
  readCoverage,
  readSnapshot,
  readStateVector,
  readUpdate,
  type Coverage,
} from '@holdfast/peer/protocol'
import type { SeededRandom } from '@holdfast/peer/testing'
import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { codeOf, read } from './update/accepted.js'
import { campaign, runsOr, timeoutFor } from './update/campaign.js'
import { randomHistory } from './update/history.js'
import { crafted, damaged } from './update/hostile.js'
import { coverageByYjs, plain } from './update/oracle.js'

/** How many hostile inputs the first two tests give to the reader. */
const damagedInputs = 6000
const craftedInputs = 1000
/** So many come from one history. */
const batch = 100
/** More of a processor's time than this is a hang: of the reader, or of Yjs in what the reader let through. */
const hangMs = 50

test(
  '[UPDATE-17] [K17] damaged bytes that are accepted do Yjs no harm, alone or on top of what they were',
  timeoutFor(damagedInputs, 10),
  () => {
    const seen = new Tally()
    const body = (random: SeededRandom, count: number): void => {
      const { edits, relayed, docs } = randomHistory(random, {
        writers: 1 + random.below(3),
        steps: 4 + random.below(15),
      })
      const written = [...edits, ...relayed, ...docs.map((doc) => Y.encodeStateAsUpdate(doc))]
      const short = written.filter((update) => update.length < 4000)
      if (short.length === 0) return
      const others = [...short, ...short.map((update) => Y.convertUpdateFormatV1ToV2(update))]
      const known = Y.mergeUpdates(short.slice(0, Math.ceil(short.length * 0.7)))
      for (let i = 0; i < count; i++) {
        const update = damaged(random, random.pick(short), others)
        if (seen.isRefused(update)) continue
        const gc = random.chance(0.5)
        expectHarmless(update, () => new Y.Doc({ gc }))
        expectHarmless(update, () => docWith(known, gc))
      }
    }
    campaign(damagedInputs, body, batch)
    expect(seen.accepted).toBeGreaterThan(seen.all / 20)
    expect(seen.accepted).toBeLessThan(seen.all / 2)
  },
)

test(
  '[UPDATE-17] [K17] updates that keep to the format alone are read as Yjs reads them, and do it no harm',
  timeoutFor(craftedInputs, 20),
  () => {
    const seen = new Tally()
    let brokenEntries = 0
    campaign(craftedInputs, (random) => {
      const update = crafted(random)
      if (seen.isRefused(update)) return
      const gc = random.chance(0.5)
      try {
        expectHarmless(update, () => new Y.Doc({ gc }))
      } catch (error) {
        // A map's entry of several clocks, cut in two by a reference: see docs/spec/update.md.
        if (!isUnexpectedCase(error)) throw error
        brokenEntries++
      }
    })
    expect(seen.accepted).toBe(seen.all)
    // Only the document could tell, and Yjs says so itself. Rare even among what is made for it.
    expect(brokenEntries).toBeLessThanOrEqual(runsOr(craftedInputs) / 1000)
  },
)

test('[UPDATE-18] whatever the bytes, the readers give a value or a refusal', () => {
  const codes = new Set<string | undefined>()
  campaign(1000, (random) => {
    const bytes = random.bytes(random.below(60))
    // Small numbers are read further than large ones.
    if (random.chance(0.7)) bytes.forEach((byte, i) => (bytes[i] = byte % (1 + random.below(20))))
    for (const reader of [readUpdate, readCoverage, readSnapshot, readStateVector]) {
      codes.add(codeOf(reader(bytes)))
      codes.add(codeOf(reader(bytes, { ...small, maxBytes: 30 })))
    }
  })
  expect(codes).toContain('malformed-update')
  expect(codes).toContain('op-too-large')
  expect(codes).toContain('unsupported-encoding')
  expect(codes).toContain(undefined)
})

test('[UPDATE-18] a view into a larger buffer is read within its bounds', () => {
  const update = Y.encodeStateAsUpdate(docOfText('hello'))
  const pool = new Uint8Array(update.length + 20).fill(0xff)
  pool.set(update, 10)
  const view = pool.subarray(10, 10 + update.length)
  expect(plain(read(view))).toEqual(plain(read(update)))
  expect(codeOf(readUpdate(pool.subarray(10, 9 + update.length)))).toBe('malformed-update')
  expect(plain(read(Buffer.from(pool.buffer, 10, update.length)))).toEqual(plain(read(update)))
})

test('[UPDATE-19] every beginning of an update is refused, and so is every update with more behind it', () => {
  campaign(8, (random) => {
    const { docs } = randomHistory(random, { writers: 2, steps: 15 })
    for (const doc of docs) {
      const update = Y.encodeStateAsUpdate(doc)
      for (let length = 0; length < update.length; length++) {
        expect([length, codeOf(readUpdate(update.subarray(0, length)))]).toEqual([
          length,
          'malformed-update',
        ])
      }
      expect(codeOf(readUpdate(Uint8Array.of(...update, random.below(256))))).toBeDefined()
    }
  })
})

/** What became of the inputs; and that the reader was quick about each, and exact. */
class Tally {
  accepted = 0
  all = 0

  isRefused(update: Uint8Array): boolean {
    this.all++
    const parsed = readUpdate(update)
    ensure(quickest(() => readUpdate(update)) < hangMs, 'the reader hangs', update)
    if (!parsed.ok) return true
    this.accepted++
    ensure(isProportionate(parsed.value, update), 'more is kept than there are bytes', update)
    const isExact = isDeepStrictEqual(plain(parsed.value), coverageByYjs(update))
    ensure(isExact, 'Yjs reads it otherwise', update)
    return false
  }
}

/** True when every number that is kept was paid for by a byte. */
function isProportionate({ structs, deletes, refs }: Coverage, update: Uint8Array): boolean {
  const numbers = [structs, deletes, refs]
    .flatMap((ids) => [...ids.values()])
    .reduce((sum, ranges) => sum + ranges.length, 0)
  return numbers <= update.length
}

/**
 * Applying it to the document, and all that may be done with the result, throws nothing, does not
 * hang, and what is written of it is accepted again.
 */
function expectHarmless(update: Uint8Array, makeDoc: () => Y.Doc): void {
  try {
    const tookMs = quickest(() => {
      const doc = makeDoc()
      Y.applyUpdate(doc, update)
      const state = Y.encodeStateAsUpdate(doc)
      read(state)
      Y.encodeStateAsUpdateV2(doc)
      Y.encodeSnapshot(Y.snapshot(doc))
      Y.mergeUpdates([state, update])
      Y.applyUpdate(new Y.Doc(), state)
    })
    ensure(tookMs < hangMs, 'Yjs hangs', update)
  } catch (error) {
    throw new Error(`accepted, and then: ${hexOf(update)}`, { cause: error })
  }
}

function ensure(isSo: boolean, otherwise: string, update: Uint8Array): void {
  if (!isSo) throw new Error(`${otherwise}: ${hexOf(update)}`)
}

function hexOf(update: Uint8Array): string {
  return Buffer.from(update).toString('hex')
}

/**
 * How much of a processor it takes, whatever else the machine does; when that is suspicious the least
 * of some times, so that only a hang counts.
 */
function quickest(work: () => unknown): number {
  let leastMs = Infinity
  for (let time = 0; time < 10 && leastMs >= hangMs; time++) {
    const start = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(start)
    leastMs = Math.min(leastMs, (user + system) / 1000)
  }
  return leastMs
}

/** Yjs met a struct where it did not expect it. */
function isUnexpectedCase(error: unknown): boolean {
  const { cause } = error as Error
  return cause instanceof Error && cause.message === 'Unexpected case'
}

function docWith(update: Uint8Array, gc: boolean): Y.Doc {
  const doc = new Y.Doc({ gc })
  Y.applyUpdate(doc, update)
  return doc
}

function docOfText(content: string): Y.Doc {
  const doc = new Y.Doc()
  doc.getText('text').insert(0, content)
  return doc
}

const small = {
  maxBytes: 30,
  maxClock: 100,
  maxClients: 2,
  maxWaitingClients: 1,
  maxNesting: 1,
  maxSubdocuments: 0,
  maxRootTypes: 0,
}
