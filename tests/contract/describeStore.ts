import { openStore, type Driver, type StoreChange } from '@holdfast/client/testing'
import type {
  ArchiveId,
  CollectionName,
  DocumentId,
  InstanceId,
  TermId,
} from '@holdfast/peer/protocol'
import { SeededRandom } from '@holdfast/peer/testing'
import { describe, expect, test } from 'vitest'
import { onFresh, rejectionOf, type DriverContract } from './driver/subject.js'

const notes = 'notes' as CollectionName
const tasks = 'tasks' as CollectionName
const archive = 'a'.repeat(32) as ArchiveId
const term = '1'.repeat(32) as TermId
const instance = 'c'.repeat(32) as InstanceId

/** What a store keeps, on any driver. */
export function describeStore(contract: DriverContract): void {
  const on = (work: Parameters<typeof onFresh>[1]) => () => onFresh(contract, work)

  describe(`store on ${contract.name}`, () => {
    test(
      '[STORE-1] a store has an identity of its own from the first opening on',
      on(async (driver) => {
        const random = new SeededRandom('identity')
        const first = await openStore(driver, random)
        expect(first.replica).toMatch(/^[0-9a-f]{32}$/)
        expect((await openStore(driver, random)).replica).toBe(first.replica)
      }),
    )

    test(
      '[STORE-2] what a newer version has written is left as it is',
      on(async (driver) => {
        const random = new SeededRandom('newer')
        await openStore(driver, random)
        await driver.transact([{ sql: `UPDATE facts SET value = '1000' WHERE name = 'version'` }])
        const before = await driver.query('SELECT name, value FROM facts ORDER BY name')
        const error = await rejectionOf(openStore(driver, random))
        expect(error.code).toBe('store-too-new')
        expect(await driver.query('SELECT name, value FROM facts ORDER BY name')).toEqual(before)
      }),
    )

    test(
      '[STORE-4] [L14] [I6] the changes of a commit are all there or none',
      on(async (driver) => {
        const { store } = await filled(driver)
        const before = await store.readIndex()
        const update = { kind: 'update', key: 1, document: 1, bytes, place: undefined } as const
        const error = await rejectionOf(
          // The key is taken.
          store.commit([{ kind: 'cursor', cursor: { ...cursor, seq: 99 } }, update], 'strict'),
        )
        expect(error).toBeInstanceOf(Error)
        expect(await store.readIndex()).toEqual(before)
      }),
    )

    test(
      '[STORE-5] what was committed is read back, each collection by itself',
      on(async (driver) => {
        const { store, other } = await filled(driver)
        const index = await store.readIndex()
        expect(index.documents).toEqual([document])
        expect(index.ops).toEqual([{ ...op, byteLength: bytes.length }])
        expect(index.answers).toEqual([answer])
        expect(index.cursors).toEqual([cursor])
        expect(index.places).toEqual([{ documentKey: 1, archive, seq: 7 }])
        expect(index.keptByDocument).toEqual(new Map([[1, 2]]))
        expect(await store.readDocument(1)).toEqual({
          snapshot: undefined,
          updates: [
            { key: 1, bytes, place: { opening: 1, seq: 7 } },
            { key: 2, bytes: moreBytes, place: undefined },
          ],
        })
        expect(await store.readOps([1, 5])).toEqual(new Map([[1, bytes]]))
        expect(await store.readKept()).toMatchObject([
          { key: 1, code: 'forbidden', atMs: 5, bytes: moreBytes, isOwn: true },
          { key: 2, code: 'op-too-large', atMs: 6, bytes, isOwn: true },
        ])
        expect(await store.readQuarantined()).toEqual([
          { document: 'note', archive, term, seq: 8, reason: 'poison', bytes: moreBytes },
        ])
        expect(await other.readIndex()).toMatchObject({ documents: [], ops: [], cursors: [] })
      }),
    )

    test(
      '[STORE-6] folding takes the place of the updates that it stands for, and of no other',
      on(async (driver) => {
        const { store } = await filled(driver)
        await store.commit([{ kind: 'snapshot', document: 1, bytes, throughKey: 1 }], 'strict')
        expect(await store.readDocument(1)).toEqual({
          snapshot: bytes,
          updates: [{ key: 2, bytes: moreBytes, place: undefined }],
        })
        await store.commit(
          [
            { kind: 'settle', op: 1 },
            { kind: 'clear', document: 1 },
          ],
          'relaxed',
        )
        expect(await store.readDocument(1)).toEqual({ snapshot: undefined, updates: [] })
        expect(await store.readIndex()).toMatchObject({ ops: [], answers: [] })
      }),
    )

    test(
      '[STORE-7] [L41] forgetting a collection takes contents and cursors together, and nothing of another',
      on(async (driver) => {
        const { store, other } = await filled(driver)
        await other.commit([{ kind: 'cursor', cursor }], 'strict')
        await store.forget()
        const empty = { documents: [], ops: [], answers: [], cursors: [], places: [] }
        expect(await store.readIndex()).toEqual({ ...empty, keptByDocument: new Map() })
        expect(await store.readDocument(1)).toEqual({ snapshot: undefined, updates: [] })
        expect(await store.readKept()).toEqual([])
        expect((await other.readIndex()).cursors).toEqual([cursor])
      }),
    )

    test(
      '[STORE-8] keys ascend over openings, in all collections together',
      on(async (driver) => {
        const { store } = await filled(driver)
        const random = new SeededRandom('again')
        const again = await (await openStore(driver, random)).collection(tasks)
        expect(again.nextKey('updates')).toBe(3)
        expect(again.nextKey('updates')).toBe(4)
        expect(again.nextKey('ops')).toBe(2)
        expect(store.key).not.toBe(again.key)
      }),
    )
  })
}

const bytes = Uint8Array.of(1, 2, 3)
const moreBytes = Uint8Array.of(4, 5)
const document = {
  key: 1,
  id: 'note' as DocumentId,
  generation: 2,
  hasContent: true,
  digest: undefined,
  isDamaged: false,
  rowCount: 2,
  rowBytes: 5,
  snapshotBytes: 0,
}
const op = {
  key: 1,
  document: { id: document.id, generation: 2 },
  documentKey: 1,
  kind: 'live',
  op: { instance, n: 1 },
  isOwn: true,
  hash: undefined,
} as const
const answer = { op: 1, archive, outcome: 'committed', term, seq: 7 } as const
const cursor = { archive, term, seq: 7, isWhole: true, isCompared: false }

const everything: readonly StoreChange[] = [
  { kind: 'document', document: { ...document, generation: 1 } },
  { kind: 'document', document },
  { kind: 'opening', key: 1, archive, term },
  { kind: 'update', key: 1, document: 1, bytes, place: { opening: 1, seq: 7 } },
  { kind: 'update', key: 2, document: 1, bytes: moreBytes, place: undefined },
  { kind: 'op', op: { ...op, byteLength: bytes.length }, bytes },
  { kind: 'answer', answer: { ...answer, outcome: 'gapped' } },
  { kind: 'answer', answer },
  {
    kind: 'keep',
    key: 1,
    document: 1,
    generation: 1,
    code: 'forbidden',
    atMs: 5,
    bytes: moreBytes,
  },
  { kind: 'keep-op', key: 2, op: 1, code: 'op-too-large', atMs: 6 },
  {
    kind: 'quarantine',
    key: 1,
    document: 1,
    place: { opening: 1, seq: 8 },
    reason: 'poison',
    bytes: moreBytes,
  },
  { kind: 'cursor', cursor },
  { kind: 'place', document: 1, archive, seq: 7 },
]

async function filled(driver: Driver) {
  const all = await openStore(driver, new SeededRandom('filled'))
  const [store, other] = [await all.collection(notes), await all.collection(tasks)]
  await store.commit(everything, 'strict')
  return { store, other }
}
