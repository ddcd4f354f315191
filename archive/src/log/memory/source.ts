import type { LedgerSource } from '../append/index.js'
import { rebuild } from './rebuild.js'
import { latestGeneration, opKey, type Tables } from './tables.js'

/** What the ledger looks up on the disk. */
export function ledgerSource(tables: Tables): LedgerSource {
  return {
    collections: () => tables.collections.size,
    collection: (name) => {
      const table = tables.collections.get(name)
      return table && { head: table.head, documents: table.documents }
    },
    document: (collection, id) => {
      const table = latestGeneration(tables, collection, id)
      return table && rebuild(table)
    },
    op: (collection, id) => tables.collections.get(collection)?.ops.get(opKey(id)),
  }
}
