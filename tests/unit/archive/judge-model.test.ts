import { DocumentState } from '@holdfast/archive/testing'
import { contains, readUpdate, type Coverage, type IdRanges } from '@holdfast/peer/protocol'
import { runSeeds, type World } from '@holdfast/peer/testing'
import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { digestOf } from '../../contract/log/content.js'
import { note, notes } from '../../contract/log/names.js'
import { docOf, hasPending } from '../../contract/log/writer.js'
import { seedsFromEnvironment } from '../../sim/seeds.js'
import { Author } from '../../sim/log/author.js'

test('[LOG-46] in whatever order ops arrive, gaps are where Yjs has something pending', async () => {
  const { counts } = await runSeeds({
    ...seedsFromEnvironment({ runs: 100, seed: 'judge' }),
    scenario: arriveInAnyOrder,
    mustHappen: ['gapped', 'whole'],
  })
  expect(counts.get('gapped') ?? 0).toBeGreaterThan(50)
})

function arriveInAnyOrder(world: World): void {
  const { random } = world
  const updates = random.shuffled(writeTogether(world))
  const state = new DocumentState(note)
  const held: Coverage[] = []
  for (const [at, bytes] of updates.entries()) {
    const coverage = coverageOf(bytes)
    held.push(coverage)
    state.integrate({ seq: at + 1, size: bytes.length, coverage })
    const doc = docOf(updates.slice(0, at + 1))
    world.count(state.isGapped ? 'gapped' : 'whole')
    expect(state.isGapped).toBe(hasPending(doc))
    expect(state.missing.size > 0).toBe(state.isGapped)
    expect(held.some(({ structs }) => overlap(structs, state.missing))).toBe(false)
    if (!state.isGapped) expectSame(state, doc)
  }
  expect(state.isGapped).toBe(false)
  expect(digestOf(docOf(updates))).toBe(digestOf(docOf(updates.toReversed())))
}

/** Ops of three who learn from each other now and then, some of them merged, some of them states. */
function writeTogether({ random }: World): Uint8Array[] {
  const authors = [1, 2, 3].map((number) => new Author(number, random))
  const writers = authors.map((author) => author.at(notes, note))
  for (let edits = 5 + random.below(25); edits > 0; edits--) {
    const author = random.pick(authors)
    const writer = author.at(notes, note)
    author.edit(writer)
    if (random.chance(0.3)) {
      const bytes = Y.encodeStateAsUpdate(writer.ydoc)
      random.pick(writers.filter((other) => other !== writer)).learn({ bytes })
    }
  }
  const updates = writers.flatMap(({ ops }) => ops).map(({ bytes }) => bytes)
  for (let merges = random.below(4); merges > 0; merges--) {
    const few = random.shuffled(updates).slice(0, 1 + random.below(4))
    if (few.length > 0) updates.push(Y.mergeUpdates(few))
  }
  if (random.chance(0.3)) updates.push(Y.encodeStateAsUpdate(random.pick(writers).ydoc))
  return updates
}

function expectSame({ integrated }: DocumentState, doc: Y.Doc): void {
  const held = coverageOf(Y.encodeStateAsUpdate(doc))
  expect(integrated.toCoverage().structs).toEqual(held.structs)
  // Two who set one key at once: Yjs deletes what loses, and nobody has named that deletion.
  expect(contains(held, integrated.toCoverage())).toBe(true)
}

function overlap(some: IdRanges, others: IdRanges): boolean {
  for (const [client, ranges] of others) {
    const own = some.get(client) ?? []
    for (let at = 0; at < ranges.length; at += 2) {
      const [from, to] = [ranges[at] as number, ranges[at + 1] as number]
      for (let other = 0; other < own.length; other += 2) {
        if ((own[other] as number) < to && (own[other + 1] as number) > from) return true
      }
    }
  }
  return false
}

function coverageOf(bytes: Uint8Array): Coverage {
  const read = readUpdate(bytes)
  if (!read.ok) throw new Error(read.refusal.detail)
  return read.value
}
