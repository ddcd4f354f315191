import { singleOwnerStore } from '../client/single-owner.js'
import type { ClientStore } from '../core/core.js'
import {
  openOpSqliteDriver,
  type OpSqliteDriverOptions,
} from '../store/drivers/op-sqlite/op-sqlite-driver.js'
import { followAppState, type AppStateLike } from './app-state.js'
import { assertRandomValues } from './random-values.adapter.js'

export interface NativeStoreOptions extends OpSqliteDriverOptions {
  /** React Native's `AppState`: with it, others are told when the app is in the background. */
  readonly appState?: AppStateLike
}

/**
 * A file in `@op-engineering/op-sqlite`, which the app installs and gives. An app is one process with
 * one window: nothing is shared with other tabs, and no lock but that of the file is taken.
 *
 * Direct links take the app's `react-native-webrtc` as `createClient`'s `rtc`; without it frames go by
 * way of the signaller and the archive. `begin` rejects as `unsupported` where the platform has no
 * `crypto.getRandomValues`: Yjs needs it too, so it has to be there before anything is imported.
 */
export function nativeStore({ appState, ...place }: NativeStoreOptions): ClientStore {
  const store = singleOwnerStore(() => openOpSqliteDriver(place))
  return {
    async begin(host) {
      assertRandomValues()
      const seat = await store.begin(host)
      const stopFollowing = appState && followAppState(appState, host)
      return {
        core: seat.core,
        async end() {
          stopFollowing?.()
          await seat.end()
        },
      }
    },
  }
}
