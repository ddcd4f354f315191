/** What only React Native has. */
export { nativeStore, type NativeStoreOptions } from './native/native-store.js'
export type { AppStateLike } from './native/app-state.js'
export {
  openOpSqliteDriver,
  type OpSqlite,
  type OpSqliteDatabase,
  type OpSqliteDriverOptions,
  type OpSqliteValue,
} from './store/drivers/op-sqlite/op-sqlite-driver.js'
