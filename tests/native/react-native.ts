/** What op-sqlite takes from React Native: the native module that was installed already. */
export const NativeModules = { OPSQLite: { install: () => true, getConstants: () => ({}) } }
export const Platform = { OS: 'test' }
export const TurboModuleRegistry = { getEnforcing: () => NativeModules.OPSQLite }
