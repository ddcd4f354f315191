import { checkpoint } from './checkpoint.js'
import { Reader, type ReaderOptions } from './reader.js'

/** What can be asked of a reader, by name: what travels between threads. */
export function readerCalls(reader: Reader, options: ReaderOptions) {
  const { standings, documents, compaction, quarantine } = reader
  return {
    head: standings.head.bind(standings),
    locate: standings.locate.bind(standings),
    collections: documents.collections.bind(documents),
    documents: documents.list.bind(documents),
    latest: documents.latest.bind(documents),
    touchesDeleted: documents.touchesDeleted.bind(documents),
    state: documents.state.bind(documents),
    ids: documents.ids.bind(documents),
    gaps: documents.gaps.bind(documents),
    quarantined: quarantine.newest.bind(quarantine),
    ripeCollections: compaction.ripeCollections.bind(compaction),
    ripe: compaction.ripe.bind(compaction),
    source: compaction.source.bind(compaction),
    prove: compaction.prove.bind(compaction),
    lackingOf: compaction.lackingOf.bind(compaction),
    readsBack: readingBack(options),
    checkpoint: () => checkpoint(options.file),
  }
}

export type ReaderCalls = ReturnType<typeof readerCalls>

/** By a connection that has nothing in memory yet, after what was written has gone into the file. */
function readingBack(options: ReaderOptions): Reader['compaction']['readsBack'] {
  return (collection, document) => {
    checkpoint(options.file)
    const fresh = new Reader(options)
    try {
      return fresh.compaction.readsBack(collection, document)
    } finally {
      fresh.close()
    }
  }
}
