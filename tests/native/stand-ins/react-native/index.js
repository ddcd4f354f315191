/**
 * In the place of React Native, as much as is imported here: components that show nothing, and native
 * modules that were installed already. What it does on a phone is not tested.
 */
export const NativeModules = {
  OPSQLite: { install: () => true, getConstants: () => ({}) },
  WebRTCModule: {},
}
export const Platform = { OS: 'test' }
export const TurboModuleRegistry = { getEnforcing: () => NativeModules.OPSQLite }

const listeners = new Set()

/** `change` is what the system does; that and `listenerCount` React Native's own has not. */
export const AppState = {
  currentState: 'active',
  addEventListener(_type, listener) {
    listeners.add(listener)
    return { remove: () => void listeners.delete(listener) }
  },
  listenerCount: () => listeners.size,
  change(state) {
    AppState.currentState = state
    for (const listener of listeners) listener(state)
  },
}

export class NativeEventEmitter {
  addListener() {
    return { remove() {} }
  }
}

export function requireNativeComponent(name) {
  return name
}

export const StyleSheet = { create: (styles) => styles }
export const PermissionsAndroid = {}
export const UIManager = {}
export const View = 'View'
export const Text = 'Text'
export const TextInput = 'TextInput'
export const FlatList = 'FlatList'
export const Pressable = 'Pressable'

export default { findNodeHandle: () => null }
