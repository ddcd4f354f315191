import type { Undo } from '@holdfast/peer/ports'
import type { CoreHost } from '../core/core.js'

/** As much of React Native's `AppState` as is used. */
export interface AppStateLike {
  /** `active`, `background`, on iOS also `inactive`; null until it is known. */
  readonly currentState: string | null
  addEventListener(type: 'change', listener: (state: string) => void): { remove(): void }
}

/**
 * In the background an app is away: the platform may stop it at any moment, so others expect slow
 * answers and hold no link dead too early. When it comes back, no pause is waited for: sockets that
 * died meanwhile are dialled at once.
 *
 * `inactive` changes nothing: iOS says it under a call, a banner, and between the other two.
 */
export function followAppState(
  appState: AppStateLike,
  host: Pick<CoreHost, 'setAway' | 'retryNow'>,
): Undo {
  let isAway = false
  const follow = (state: string | null): void => {
    if (state === 'background' && !isAway) {
      isAway = true
      host.setAway(true)
    } else if (state === 'active' && isAway) {
      isAway = false
      host.setAway(false)
      host.retryNow()
    }
  }
  const listening = appState.addEventListener('change', follow)
  follow(appState.currentState)
  return () => listening.remove()
}
