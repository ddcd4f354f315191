/** The worker's script. Bundlers find it by the `new Worker(new URL(…))` in browser-driver.adapter.ts. */
import { serveStore } from './serve-store.adapter.js'

serveStore()
