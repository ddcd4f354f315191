import type { CollectionName } from '@holdfast/peer/protocol'
import type { Sql } from '../../log/sqlite/sql.adapter.js'
import type { Pace } from '../run.js'
import type { Findings } from './report.js'

/** What a check looks at, and whom it tells. */
export interface Subject {
  readonly sql: Sql
  readonly findings: Findings
  readonly pace: Pace
}

export type Check = (subject: Subject) => Promise<void>

export interface CollectionSubject {
  readonly id: number
  readonly name: CollectionName
  readonly head: number
  readonly documents: number
}

export function collectionsOf(sql: Sql): readonly CollectionSubject[] {
  return sql
    .read<CollectionSubject>('SELECT id, name, head, documents FROM collections ORDER BY id')
    .all()
}

/** The one number that a query gives; 0 where it gives null. */
export function numberFrom(sql: Sql, query: string, ...values: number[]): number {
  return sql.readTuples<readonly [number | null]>(query).get(...values)?.[0] ?? 0
}
