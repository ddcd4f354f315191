import type { Rtc } from '@holdfast/peer/ports'

/** WebRTC for Node, where it is installed: it has no binaries for some machines. */
export async function loadRtc(): Promise<Rtc | undefined> {
  try {
    const { default: wrtc } = await import('@roamhq/wrtc')
    return wrtc
  } catch {
    // Whoever asked for it says what that means.
    return undefined
  }
}
