import { isDeepStrictEqual } from 'node:util'
import {
  contains,
  emptyCoverage,
  missing,
  readSnapshot,
  readStateVector,
  readUpdate,
  stateVectorOf,
  union,
  encodeStateVector,
  type Coverage,
} from '@holdfast/peer/protocol'
import type { SeededRandom } from '@holdfast/peer/testing'
import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { accepted } from './update/accepted.js'
import { campaign, timeoutFor } from './update/campaign.js'
import { randomHistory, type History } from './update/history.js'
import { coverageByYjs, docOf, hasPending, plain, stateOf } from './update/oracle.js'

const histories = 60

test(
  '[UPDATE-1] [UPDATE-2] of what Yjs writes nothing is refused, and what it covers is what Yjs reads in it',
  timeoutFor(histories, 100),
  () => {
    let read = 0
    let largest = 0
    campaign(histories, (random) => {
      for (const update of writtenByYjs(random, anyHistory(random))) {
        expect(plain(accepted(readUpdate(update)))).toEqual(coverageByYjs(update))
        read++
        largest = Math.max(largest, update.length)
      }
    })
    expect(read).toBeGreaterThan(histories)
    expect(largest).toBeGreaterThan(500)
  },
)

test(
  '[UPDATE-3] contained in what a document wrote means that applying it changes nothing, and the reverse',
  timeoutFor(histories, 200),
  () => {
    const seen = { contained: 0, not: 0, gapped: 0 }
    campaign(histories, (random) => {
      const updates = writtenByYjs(random, anyHistory(random))
      for (let i = 0; i < 6; i++) {
        const doc = docOf([random.pick(updates)], random.chance(0.5))
        const have = accepted(readUpdate(Y.encodeStateAsUpdate(doc)))
        const update = random.pick(updates)
        const isContained = contains(have, accepted(readUpdate(update)))
        seen[isContained ? 'contained' : 'not']++
        // While something is parked, only the ids can be compared: what gc wrote needs less than
        // what it stands for, and can bring parked structs in without bringing any that are new.
        const isWhole = missing(emptyCoverage, have).size === 0
        const state = (): unknown => (isWhole ? stateOf(doc) : idsOfState(doc))
        const before = state()
        Y.applyUpdate(doc, update)
        expect(isDeepStrictEqual(state(), before)).toBe(isContained)
        if (!isWhole) seen.gapped++
      }
    })
    expect(Math.min(seen.contained, seen.not, seen.gapped)).toBeGreaterThan(histories / 4)
  },
)

test(
  '[UPDATE-4] [L19] nothing is missing means that Yjs integrates with nothing left pending, and the reverse',
  timeoutFor(histories, 200),
  () => {
    const seen = { complete: 0, gapped: 0, onTopOfComplete: 0 }
    campaign(histories, (random) => {
      const updates = writtenByYjs(random, anyHistory(random))
      for (let i = 0; i < 6; i++) {
        const some = [random.pick(updates), random.pick(updates)] as const
        const [have, want] = some.map((update) => accepted(readUpdate(update))) as [
          Coverage,
          Coverage,
        ]
        const gaps = missing(emptyCoverage, union(have, want))
        const isPending = hasPending(docOf(some, random.chance(0.5)))
        expect(gaps.size > 0).toBe(isPending)
        seen[isPending ? 'gapped' : 'complete']++
        if (missing(emptyCoverage, have).size > 0) continue
        expect(missing(have, want).size > 0).toBe(isPending)
        seen.onTopOfComplete++
      }
    })
    expect(Math.min(seen.complete, seen.gapped, seen.onTopOfComplete)).toBeGreaterThan(
      histories / 4,
    )
  },
)

test(
  '[UPDATE-5] snapshots and state vectors say what the document holds',
  timeoutFor(histories, 100),
  () => {
    campaign(histories, (random) => {
      for (const doc of anyHistory(random).docs) {
        const vector = Y.encodeStateVector(doc)
        expect(accepted(readStateVector(vector))).toEqual(Y.decodeStateVector(vector))
        expect(encodeStateVector(accepted(readStateVector(vector)))).toEqual(vector)

        const snapshot = accepted(readSnapshot(Y.encodeSnapshot(Y.snapshot(doc))))
        expect(stateVectorOf(snapshot)).toEqual(Y.decodeStateVector(vector))
        // What is parked is no part of a snapshot: compare with a document that has nothing parked.
        if (hasPending(doc)) continue
        const state = accepted(readUpdate(Y.encodeStateAsUpdate(doc)))
        expect(idsOf(snapshot)).toEqual(idsOf(state))
        expect(stateVectorOf(state)).toEqual(stateVectorOf(snapshot))
      }
    })
  },
)

function anyHistory(random: SeededRandom): History {
  return randomHistory(random, { writers: 1 + random.below(4), steps: 8 + random.below(25) })
}

/** Updates of every origin: events, states, differences, merges with gaps, conversions. */
function writtenByYjs(random: SeededRandom, { docs, edits, relayed }: History): Uint8Array[] {
  const events = [...edits, ...relayed]
  const states = docs.map((doc) => Y.encodeStateAsUpdate(doc))
  const merges = Array.from({ length: 4 }, () => {
    const rate = random.pick([0.1, 0.5, 0.9])
    return Y.mergeUpdates([...events.filter(() => random.chance(rate)), random.pick(states)])
  })
  const gapped = [0.1, 0.5, 0.9].flatMap((rate) => {
    const some = events.filter(() => random.chance(rate))
    return some.length > 0 ? [Y.mergeUpdates(some)] : []
  })
  const differences = docs.flatMap((doc) => {
    const vector = anyVector(random, doc)
    return [
      Y.encodeStateAsUpdate(random.pick(docs), vector),
      Y.diffUpdate(random.pick([...merges, ...gapped, ...states]), vector),
    ]
  })
  const reEncoded = [...merges, ...gapped].flatMap((update) => [
    Y.convertUpdateFormatV2ToV1(Y.convertUpdateFormatV1ToV2(update)),
    Y.encodeStateAsUpdate(docOf([update], random.chance(0.5))),
  ])
  return [...events, ...states, ...merges, ...gapped, ...differences, ...reEncoded]
}

/** The state vector of somebody who has heard some of it. */
function anyVector(random: SeededRandom, doc: Y.Doc): Uint8Array {
  const vector = Y.decodeStateVector(Y.encodeStateVector(doc))
  for (const [client, clock] of vector) vector.set(client, random.below(clock + 3))
  return Y.encodeStateVector(vector)
}

function idsOfState(doc: Y.Doc): unknown {
  return idsOf(accepted(readUpdate(Y.encodeStateAsUpdate(doc))))
}

function idsOf(coverage: Coverage): unknown {
  const { structs, deletes } = plain(coverage)
  return { structs, deletes }
}
