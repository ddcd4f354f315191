import type { ServerLimits } from './limits.js'

/** Of a WebSocket server whose upgrades the door has let in. */
export function socketOptions(maxPayload: number, limits: ServerLimits) {
  return {
    noServer: true,
    clientTracking: false,
    autoPong: false,
    // A compressor a socket costs more memory than all else together.
    perMessageDeflate: false,
    maxPayload,
    // Chromium sends a message in fragments of 128 KiB, others in one. Tiny ones cost memory.
    maxFragments: Math.max(64, Math.ceil(maxPayload / minFragmentBytes)),
    // Networks deliver more than a kibibyte at a time; a quarter of it is small enough for all.
    maxBufferedChunks: Math.max(1_024, Math.ceil(maxPayload / 256)),
    closeTimeout: limits.closeMs,
  }
}

/** On the average, of a message as large as it may be: a quarter of what a browser's are. */
const minFragmentBytes = 32 * 1024
