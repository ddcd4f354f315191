/** The store's worker in a place that keeps nothing, as some private windows are. */
import { serveStore } from '@holdfast/client/sql-js-worker'

Object.defineProperty(globalThis, 'indexedDB', { value: undefined })
serveStore()
