import type { Clock } from './clock.js'
import type { Random } from './random.js'
import type { Logger } from './logger.js'

/** The platform's clock and timers. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, task) {
    if (!Number.isFinite(delayMs)) {
      throw new RangeError(`after(delayMs) takes a finite number, got ${delayMs}`)
    }
    const dueMs = performance.now() + delayMs
    let timer = setTimeout(fire, Math.min(Math.max(0, delayMs), longestTimeoutMs))
    return () => clearTimeout(timer)

    function fire(): void {
      const restMs = dueMs - performance.now()
      // A timer may come a little early; only what was cut short by the platform's limit goes on.
      if (restMs < longestRoundingMs) task()
      else timer = setTimeout(fire, Math.min(restMs, longestTimeoutMs))
    }
  },
}

/** Platforms run a longer timeout at once. */
const longestTimeoutMs = 2 ** 31 - 1
const longestRoundingMs = 100

/** The platform's cryptographically strong random source. */
export const systemRandom: Random = {
  bytes(length) {
    const bytes = new Uint8Array(length)
    // getRandomValues refuses more than 65,536 bytes a call.
    for (let at = 0; at < length; at += 65_536) {
      crypto.getRandomValues(bytes.subarray(at, Math.min(length, at + 65_536)))
    }
    return bytes
  },
  uint32() {
    const word = new Uint32Array(1)
    crypto.getRandomValues(word)
    return word[0] as number
  },
}

/** Errors and operators' news to the console; debug stays silent. */
export const consoleLogger: Logger = {
  error: (message, fields) => console.error(message, fields ?? ''),
  info: (message, fields) => console.info(message, fields ?? ''),
  debug: () => {},
}
