import type { InstanceId } from '@holdfast/peer/protocol'
import type { Filing } from './filing.js'
import type { Sql, Statement } from './sql.adapter.js'

/** An instance that wrote live ops in a collection. */
export interface Producer {
  readonly id: number
  /** No op of it with a higher n is remembered. */
  highestN: number
}

/**
 * What is remembered of a producer's ops is dropped once it was silent for so long and none of its
 * rows is left. An outbox that is older finds its ops contained all the same; it only gets another
 * answer than the first time.
 */
const maxSilenceMs = 30 * 24 * 60 * 60 * 1000

/** A producer's number is what entries and ops carry instead of the name of its instance. */
export class Producers {
  readonly #filing: Filing
  readonly #find: Statement<readonly [number, number]>
  readonly #name: Statement<readonly [InstanceId]>
  readonly #insert: Statement<{ readonly id: number }>
  readonly #raise: Statement
  readonly #next: Statement<readonly [id: number, isSilent: number]>
  readonly #forgetOps: Statement
  readonly #remove: Statement
  /** How far the round of those that may be forgotten has come: ids up to here were looked at. */
  #expiredThrough = 0
  readonly #byInstance = new Map<InstanceId, Map<number, Producer>>()
  #cached = 0

  constructor(sql: Sql, filing: Filing) {
    this.#filing = filing
    this.#find = sql.readTuples(
      'SELECT id, highest_n FROM producers WHERE instance = ? AND collection = ?',
    )
    this.#name = sql.readTuples('SELECT instance FROM producers WHERE id = ?')
    this.#insert = sql.prepare(
      'insert producer',
      `INSERT INTO producers (collection, instance, highest_n, rows, seen_at_ms)
       VALUES (?, ?, 0, 0, ?) RETURNING id`,
    )
    this.#raise = sql.prepare(
      'raise producer',
      'UPDATE producers SET highest_n = ?, seen_at_ms = ? WHERE id = ?',
    )
    this.#next = sql.readTuples(
      `SELECT id, rows = 0 AND seen_at_ms < ? FROM producers WHERE id > ? ORDER BY id LIMIT ?`,
    )
    this.#forgetOps = sql.prepare(
      'forget ops',
      `DELETE FROM ops WHERE producer = ? AND n <= coalesce(
         (SELECT n FROM ops WHERE producer = ? ORDER BY n LIMIT 1 OFFSET ?), ${Number.MAX_SAFE_INTEGER})`,
    )
    this.#remove = sql.prepare('remove producer', 'DELETE FROM producers WHERE id = ?')
  }

  find(collection: number, instance: InstanceId): Producer | undefined {
    const known = this.#byInstance.get(instance)?.get(collection)
    if (known !== undefined) return known
    const found = this.#find.get(instance, collection)
    if (found === undefined) return undefined
    const [id, filedN] = found
    const highestN = Math.max(filedN, this.#filing.highestN(id))
    return this.#keep(collection, instance, { id, highestN })
  }

  /** In a write transaction. */
  findOrInsert(collection: number, instance: InstanceId, nowMs: number): Producer {
    const found = this.find(collection, instance)
    if (found !== undefined) return found
    const { id } = this.#insert.get(collection, instance, nowMs) as { readonly id: number }
    return this.#keep(collection, instance, { id, highestN: 0 })
  }

  /** Writes down that an op with this n is remembered, for one that made no entry. */
  raise(producer: Producer, n: number, nowMs: number): void {
    producer.highestN = Math.max(producer.highestN, n)
    this.#raise.run(producer.highestN, nowMs, producer.id)
  }

  nameOf(id: number): InstanceId | undefined {
    return this.#name.get(id)?.[0]
  }

  /** In a write transaction; a bounded piece of a round. Gives whether there is more of it. */
  expire(nowMs: number, maxLooks = 1_000, maxOps = 1_000): boolean {
    const looked = this.#next.all(nowMs - maxSilenceMs, this.#expiredThrough, maxLooks)
    const [silent] = looked.find(([, isSilent]) => isSilent === 1) ?? []
    if (silent === undefined) {
      this.#expiredThrough = looked.length < maxLooks ? 0 : (looked.at(-1)?.[0] ?? 0)
      return looked.length === maxLooks
    }
    const forgotten = this.#forgetOps.run(silent, silent, maxOps - 1).changes
    if (forgotten < maxOps) {
      this.#remove.run(silent)
      this.forget()
    }
    // Not beyond it: should this transaction fail, it comes to it again.
    this.#expiredThrough = silent - 1
    return true
  }

  /** Whatever was changed and may not have become durable; also bounds what is held. */
  forget(): void {
    this.#byInstance.clear()
    this.#cached = 0
  }

  #keep(collection: number, instance: InstanceId, producer: Producer): Producer {
    if (this.#cached >= maxCached) this.forget()
    let byCollection = this.#byInstance.get(instance)
    if (byCollection === undefined) {
      byCollection = new Map()
      this.#byInstance.set(instance, byCollection)
    }
    byCollection.set(collection, producer)
    this.#cached++
    return producer
  }
}

/** Reading one again costs microseconds: this only has to hold who is writing at a time. */
const maxCached = 10_000
