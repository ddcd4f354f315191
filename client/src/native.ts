/** What only React Native has. */
export {
  openOpSqliteDriver,
  type OpSqlite,
  type OpSqliteDatabase,
  type OpSqliteDriverOptions,
  type OpSqliteValue,
} from './store/drivers/op-sqlite/op-sqlite-driver.js'
