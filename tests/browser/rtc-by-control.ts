import { createRtcAttempt } from '@holdfast/peer'
import type { Link, Rtc } from '@holdfast/peer/ports'
import type { Control } from './control.js'

/** This side's end of a WebRTC link whose signals go over the control. */
export function rtcByControl(control: Control, rtc: Rtc, initiator: boolean): Promise<Link> {
  return new Promise((resolve, reject) => {
    const attempt = createRtcAttempt({
      rtc,
      initiator,
      onSignal: (signal) => control.send('signal', signal),
      onLink: resolve,
      onFailed: (reason) => reject(new Error(reason)),
    })
    control.on('signal', (signal) => attempt.signal(new TextDecoder().decode(signal)))
  })
}
