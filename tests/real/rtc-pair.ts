/** Two ends of a WebRTC link in one process of Node, their signals passed by hand. */
import { createRtcAttempt, type RtcAttempt } from '@holdfast/peer'
import type { Link } from '@holdfast/peer/ports'
import wrtc from '@roamhq/wrtc'

export interface RtcPair {
  /** The end that made the offer. */
  readonly a: Link
  readonly b: Link
}

/** @param pass what happens to a signal on its way; by default it arrives */
export async function rtcPair(
  pass: (signal: string, deliver: (signal: string) => boolean) => void = (signal, deliver) =>
    void deliver(signal),
): Promise<RtcPair> {
  const ends: Partial<Record<'a' | 'b', RtcAttempt>> = {}
  const linkOf = (mine: 'a' | 'b', others: 'a' | 'b') =>
    new Promise<Link>((resolve, reject) => {
      ends[mine] = createRtcAttempt({
        rtc: wrtc,
        initiator: mine === 'a',
        onSignal: (signal) => pass(signal, (data) => ends[others]?.signal(data) ?? false),
        onLink: resolve,
        onFailed: (reason) => reject(new Error(reason)),
      })
    })
  const [a, b] = await Promise.all([linkOf('a', 'b'), linkOf('b', 'a')])
  return { a, b }
}
