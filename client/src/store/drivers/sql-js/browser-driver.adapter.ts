import { ClientError } from '../../../errors.js'
import type { Driver } from '../../driver.js'
import { RemoteDriver } from './remote-driver.js'

/**
 * The browser's store of this name, in a worker of its own. Whoever opened it before, in this tab or
 * another, loses it: its calls reject as `store-taken`.
 *
 * Where there is no IndexedDB (some private windows, sandboxed frames) it is a store in memory, and
 * `isDurable` is false. A private window that has IndexedDB looks like any other: what is stored there
 * outlives the tab and not the window.
 */
export async function openBrowserDriver(name: string, worker = storeWorker()): Promise<Driver> {
  // Asks the browser not to evict the store when the disk gets full. Some ask the user, who may take
  // any time to answer; and no is an answer as good as any.
  navigator.storage?.persist?.().catch(() => false)
  const opened: RemoteDriver[] = []
  const failed = new Promise<never>((_, reject) => {
    const fail = (cause: unknown): void => {
      for (const driver of opened) driver.fail(cause)
      reject(new ClientError('unsupported', 'the worker of the store has failed', { cause }))
    }
    worker.onerror = ({ error, message }: ErrorEvent) => {
      fail(error ?? new Error(message || 'its script cannot be loaded'))
    }
    worker.onmessageerror = () => fail(new Error('a message that cannot be read'))
  })
  // Once the driver is there, failures are its to tell.
  failed.catch(() => {})
  const opening = RemoteDriver.open({ end: worker, name, release: () => worker.terminate() })
  const driver = await Promise.race([opening, failed])
  opened.push(driver)
  return driver
}

/** The worker, as most bundlers find it. With one that does not, the app makes its own and gives it. */
export function storeWorker(): Worker {
  return new Worker(new URL('./worker.adapter.js', import.meta.url), { type: 'module' })
}
