/** A tiny app: whoever runs it calls what it leaves behind. */
import 'react-native-get-random-values'
import { createClient, memoryStore } from '@holdfast/client'
import { nativeStore } from '@holdfast/client/native'
import * as sqlite from '@op-engineering/op-sqlite'
import { AppState } from 'react-native'

globalThis.app = {
  AppState,
  listenerCount: () => AppState.listenerCount(),
  createAbortController: () => new AbortController(),
  open: (name, location, options) =>
    createClient({
      store: nativeStore({ sqlite, name, location, appState: AppState }),
      ...options,
    }),
  openInMemory: () => createClient({ store: memoryStore() }),
}
