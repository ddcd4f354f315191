/**
 * Waits for one turn of the platform's event loop. Every microtask that is queued now, and every
 * one that those queue, has run before it resolves: that is how a virtual clock lets the promises
 * of the simulated participants come to rest before time goes on.
 *
 * This is the only thing that a simulated world takes from the platform, and nothing that the
 * platform decides gets in by it: microtasks are one queue, first in, first out.
 */
export function platformTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') {
      setImmediate(resolve)
      return
    }
    // Browsers: a message to oneself is a turn too, without the 4 ms floor of timers.
    const { port1, port2 } = new MessageChannel()
    port1.addEventListener('message', () => {
      port1.close()
      resolve()
    })
    port1.start()
    port2.postMessage(undefined)
  })
}
