/** The settings of a signaller that serves: what was said, as options of it. */
import { pathOf, portOf, present, wholeOf, type Given } from '@holdfast/command'
import type { SignalServerOptions } from '../options.js'
import { iceOf } from './ice-options.js'
import { signalLimitsOf } from './limits.js'

/** Everything but the keys. Throws a `Mistake`. */
export async function serverOptionsOf(given: Given): Promise<SignalServerOptions> {
  const isOff = given.value('y-webrtc-path') === 'off'
  return {
    ...present('host', given.value('host')),
    ...present('port', portOf(given, 'port')),
    ...present('path', pathOf(given, 'path')),
    ...present('yWebrtcPath', isOff ? (false as const) : pathOf(given, 'y-webrtc-path')),
    ...present('origins', given.list('origin')),
    ...present('trustedProxies', wholeOf(given, 'trusted-proxies')),
    open: given.isOn('open'),
    relay: !given.isOn('no-relay'),
    ice: await iceOf(given),
    limits: signalLimitsOf(given),
    processMetrics: true,
  }
}
