import type { DocumentId } from '@holdfast/peer/protocol'
import type { DocumentRow } from '../store/kept-rows.js'

/** Every document of the collection as the store lists it, without its content. */
export class Catalogue {
  readonly #rowById = new Map<DocumentId, DocumentRow>()
  readonly #idByKey = new Map<number, DocumentId>()

  constructor(rows: readonly DocumentRow[]) {
    for (const row of rows) this.set(row)
  }

  get size(): number {
    return this.#rowById.size
  }

  get(id: DocumentId): DocumentRow | undefined {
    return this.#rowById.get(id)
  }

  byKey(key: number): DocumentRow | undefined {
    const id = this.#idByKey.get(key)
    return id === undefined ? undefined : this.#rowById.get(id)
  }

  set(row: DocumentRow): void {
    this.#rowById.set(row.id, row)
    this.#idByKey.set(row.key, row.id)
  }

  all(): Iterable<DocumentRow> {
    return this.#rowById.values()
  }

  /** The generation that is alive, or would be. */
  livingGeneration(id: DocumentId): number {
    return this.#rowById.get(id)?.generation ?? 0
  }
}
