/** What a browser gives its tabs: Web Locks, a BroadcastChannel, and the life of the page. */
import type { HeldLock, LockRequest, TabChannel, TabLife, TabsPort } from './port.js'

/** Undefined where the page has no Web Locks (an address without https) or no BroadcastChannel. */
export function browserTabsPort(store: string): TabsPort | undefined {
  const locks = globalThis.navigator?.locks
  if (locks === undefined || globalThis.BroadcastChannel === undefined) return undefined
  const name = `holdfast ${store}`
  return {
    request: () => requestLock(locks, name),
    steal: () => stealLock(locks, name),
    openChannel: (hear) => openChannel(name, hear),
    onLife,
  }
}

function requestLock(locks: LockManager, name: string): LockRequest {
  const withdrawn = new AbortController()
  const granted = new Promise<HeldLock>((resolve) => {
    const held = holding(resolve, () => withdrawn.signal.aborted)
    locks.request(name, { signal: withdrawn.signal }, held.take).catch(held.lose)
  })
  return {
    granted,
    withdraw() {
      withdrawn.abort()
    },
  }
}

function stealLock(locks: LockManager, name: string): Promise<HeldLock> {
  return new Promise((resolve, reject) => {
    let isHeld = false
    const held = holding(
      (lock) => {
        isHeld = true
        resolve(lock)
      },
      () => false,
    )
    locks.request(name, { steal: true }, held.take).catch((error: unknown) => {
      if (isHeld) held.lose()
      else reject(error instanceof Error ? error : new Error(String(error)))
    })
  })
}

/** A Web Lock is held while a promise is pending; its request rejects when it is stolen. */
function holding(
  granted: (held: HeldLock) => void,
  isWithdrawn: () => boolean,
): { readonly take: () => Promise<void>; readonly lose: () => void } {
  let release = nothing
  let lose = nothing
  const released = new Promise<void>((resolve) => (release = resolve))
  const lost = new Promise<void>((resolve) => (lose = resolve))
  return {
    take() {
      if (isWithdrawn()) return Promise.resolve()
      granted({ lost, release })
      return released
    },
    lose: () => lose(),
  }
}

function openChannel(name: string, hear: (message: unknown) => void): TabChannel {
  const channel = new BroadcastChannel(name)
  channel.onmessage = ({ data }: MessageEvent<unknown>) => hear(data)
  return {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- this is no window
    post: (message) => channel.postMessage(message),
    close() {
      channel.onmessage = null
      channel.close()
    },
  }
}

function onLife(listener: (life: TabLife) => void): () => void {
  const over = new AbortController()
  const { signal } = over
  const on = (target: EventTarget, event: string, life: (event: Event) => TabLife | undefined) => {
    const heard = (happened: Event): void => {
      const told = life(happened)
      if (told !== undefined) listener(told)
    }
    target.addEventListener(event, heard, { signal })
  }
  // A worker has neither, and lives while its page does.
  if (globalThis.document !== undefined) {
    on(document, 'visibilitychange', () =>
      document.visibilityState === 'hidden' ? 'hidden' : 'visible',
    )
    on(document, 'freeze', () => 'frozen')
    on(document, 'resume', () => 'resumed')
  }
  on(globalThis, 'pagehide', () => 'left')
  on(globalThis, 'pageshow', (event) =>
    (event as PageTransitionEvent).persisted ? 'back' : undefined,
  )
  on(globalThis, 'online', () => 'online')
  return () => over.abort()
}

const nothing = (): void => {}
