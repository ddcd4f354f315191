/** The store's worker in a place that keeps nothing. */
import './hide-indexed-db.js'
import '@holdfast/client/sql-js-worker'
