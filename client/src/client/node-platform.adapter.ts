import type { Rtc, WebSocketConstructor } from '@holdfast/peer/ports'
import type { Platform } from '../core/core.js'

/** What the app has installed for links: `ws`, and `@roamhq/wrtc`. Neither has to be there. */
export async function nodePlatform(): Promise<Platform> {
  const [ws, wrtc] = await Promise.all([found('ws'), found('@roamhq/wrtc')])
  const WebSocket = member(ws, 'WebSocket') as WebSocketConstructor | undefined
  // A CommonJS module: what it exports is its default.
  const exported = member(wrtc, 'default')
  const rtc = isRtc(exported) ? exported : undefined
  return { ...(WebSocket && { WebSocket }), ...(rtc && { rtc }) }
}

/** Undefined where it is not installed. */
async function found(name: string): Promise<unknown> {
  try {
    const module: unknown = await import(name)
    return module
  } catch (error) {
    if (member(error, 'code') === 'ERR_MODULE_NOT_FOUND') return undefined
    throw error
  }
}

function isRtc(module: unknown): module is Rtc {
  return typeof member(module, 'RTCPeerConnection') === 'function'
}

function member(of: unknown, name: string): unknown {
  if ((typeof of !== 'object' && typeof of !== 'function') || of === null) return undefined
  return (of as Readonly<Record<string, unknown>>)[name]
}
