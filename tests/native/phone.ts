/**
 * A bundle run with nothing around it but what React Native brings: no modules, no Node, no browser,
 * sockets that do not say what they hold, signals that do not say why. In the place of Hermes is V8.
 */
import { createContext, Script } from 'node:vm'
import type { Client, ClientOptions } from '@holdfast/client'
import { WebSocket } from 'ws'

/** What `apps/sync` leaves behind. */
export interface App {
  readonly AppState: { change(state: 'active' | 'background' | 'inactive'): void }
  /** Of `AppState`. */
  listenerCount(): number
  createAbortController(): AbortController
  openInMemory(): Promise<Client>
  open(name: string, location: string, options: Partial<ClientOptions>): Promise<Client>
}

/**
 * Starts the app anew, as a phone does: nothing is left of the run before.
 *
 * @param missing what the platform lacks besides
 */
export function startApp(code: string, missing: readonly string[] = []): App {
  const globals: Record<string, unknown> = Object.fromEntries(
    given
      .filter((name) => !missing.includes(name))
      .map((name) => [name, Reflect.get(globalThis, name)]),
  )
  const context = createContext({
    ...globals,
    ...(missing.includes('crypto') ? {} : { crypto: { getRandomValues } }),
    AbortController: PhoneAbortController,
    WebSocket: PhoneWebSocket,
    performance: { now: () => performance.now() },
    process: { env: {} },
    navigator: { product: 'ReactNative' },
  })
  new Script(withoutWhatHermesLacks).runInContext(context)
  new Script('window = global = self = globalThis').runInContext(context)
  new Script(code, { filename: 'index.bundle' }).runInContext(context)
  return Reflect.get(context, 'app') as App
}

/** V8 has these; Hermes 0.14 and 250829098, of React Native 0.83 to 0.85, have not, or had not for long. */
const withoutWhatHermesLacks = `
  delete WebAssembly; delete SharedArrayBuffer; delete Atomics; delete FinalizationRegistry
  delete Array.prototype.toSorted; delete Array.fromAsync
  delete Object.hasOwn; delete Object.groupBy; delete Map.groupBy; delete Promise.withResolvers
  delete String.prototype.isWellFormed; delete String.prototype.toWellFormed
`

function getRandomValues<T extends ArrayBufferView<ArrayBuffer>>(array: T): T {
  return crypto.getRandomValues(array)
}

/** Buffers belong to both sides: what comes from outside must be an instance of what is known inside. */
const given = ['ArrayBuffer', 'DataView', 'Uint8Array', 'Uint16Array', 'Uint32Array', 'Int8Array']
  .concat(['Int16Array', 'Int32Array', 'Float32Array', 'Float64Array', 'Uint8ClampedArray'])
  .concat(['BigInt64Array', 'BigUint64Array', 'Error', 'TypeError', 'RangeError', 'Promise'])
  .concat(['console', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'])
  .concat(['setImmediate', 'clearImmediate', 'queueMicrotask', 'TextEncoder', '__OPSQLiteProxy'])

/** React Native's has no `bufferedAmount`. */
class PhoneWebSocket extends WebSocket {}
Object.defineProperty(PhoneWebSocket.prototype, 'bufferedAmount', { value: undefined })

/** React Native's signals have neither a reason nor `throwIfAborted`. */
class PhoneAbortController {
  readonly #listeners = new Set<() => void>()
  readonly signal = {
    aborted: false,
    addEventListener: (_type: 'abort', listener: () => void) => void this.#listeners.add(listener),
    removeEventListener: (_type: 'abort', listener: () => void) =>
      void this.#listeners.delete(listener),
  }

  abort(): void {
    this.signal.aborted = true
    for (const listener of this.#listeners) listener()
  }
}
