/** React Native's own, on which `react-native-webrtc` builds. */
export default class EventEmitter {
  addListener() {
    return { remove() {} }
  }

  emit() {}
}
