import { Engine } from './engine.js'
import { noBytes } from './entries.js'
import { fromWire, toWire } from './wire-error.js'
import type { Hosts, OpenReader, OpenWriter, ReaderHost, WriterHost } from './hosts.js'
import { unpackPage } from './page-pack.js'
import { Reader } from './reader.js'
import { readerCalls } from './reader-calls.js'
import type { SqlHooks } from './sql.adapter.js'

/** Statements can be counted and made to fail. */
export interface InlineHostsOptions extends SqlHooks {
  /** Awaited before each group is written: a slow disk. */
  readonly beforeGroup?: () => Promise<void>
}

/** Both halves in the caller's thread, one call at a time, each answered in a later turn. */
export function inlineHosts(options: InlineHostsOptions = {}): Hosts {
  return {
    openWriter: async (open) => inlineWriter(open, options),
    openReader: async (open) => inlineReader(open),
  }
}

function inlineWriter(open: OpenWriter, { beforeGroup, ...hooks }: InlineHostsOptions): WriterHost {
  const engine = Engine.open({ ...open, hooks })
  return {
    archive: engine.file.archive,
    file: engine.file.file,
    storedLeases: engine.storedLeases,
    append: async (items, nowMs) => {
      // As in another thread: what the caller does with its bytes from now on changes nothing.
      const own = items.map((item) =>
        item.kind === 'delete' ? item : { ...item, bytes: item.bytes.slice() },
      )
      await beforeGroup?.()
      const { outcomes, gaps } = engine.append(own, nowMs)
      return {
        outcomes,
        gaps,
        walPages: engine.walPages,
        bytesOf: (position) => {
          const item = own[position]
          return item === undefined || item.kind === 'delete' ? noBytes : item.bytes
        },
      }
    },
    call: async (method, ...args) => {
      const bound = engine[method] as (...args: unknown[]) => ReturnType<Engine[typeof method]>
      return bound.apply(engine, args)
    },
    close: async () => engine.close(),
  }
}

function inlineReader(open: OpenReader): ReaderHost {
  const reader = new Reader(open)
  const calls = readerCalls(reader, open)
  function typed<Result>(read: () => Result): Result {
    try {
      return read()
    } catch (error) {
      throw fromWire(toWire(error, `reading ${open.file}`))
    }
  }
  return {
    readPage: async (request, skipDamaged) =>
      unpackPage(structuredClone(typed(() => reader.pages.read(request, skipDamaged)))),
    call: async (method, ...args) => {
      const bound = calls[method] as (
        ...args: unknown[]
      ) => ReturnType<(typeof calls)[typeof method]>
      // As between threads: nobody shares anything, and bytes are plain arrays.
      return structuredClone(typed(() => bound(...args)))
    },
    close: async () => reader.close(),
  }
}
