/** The tab that owns the store can be killed without a goodbye, to see another one take over. */
import type { Client } from '@holdfast/client'

const channel = new BroadcastChannel('holdfast-notes-demo')

export function listenForTheKill(client: Client): void {
  channel.addEventListener('message', ({ data }) => {
    if (data === 'die' && client.status.role === 'owner') die()
  })
}

export function killOwner(client: Client): void {
  if (client.status.role === 'owner') {
    die()
    return
  }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- this is no window
  channel.postMessage('die')
}

/**
 * Nobody in this page hears that it goes, so that nothing says goodbye or saves anything on the way.
 * It comes back as a page that starts anew.
 */
function die(): void {
  for (const farewell of ['beforeunload', 'pagehide', 'visibilitychange', 'freeze', 'unload']) {
    addEventListener(farewell, (event) => event.stopImmediatePropagation(), { capture: true })
  }
  location.reload()
}
