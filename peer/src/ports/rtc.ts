/**
 * The platform's WebRTC, given from outside: the browser's own, react-native-webrtc, or
 * `@roamhq/wrtc` in Node. The members are constructors with the standard's shapes; they are
 * `unknown` here because no platform's types may reach the core.
 */
export interface Rtc {
  readonly RTCPeerConnection: unknown
  readonly RTCSessionDescription: unknown
  readonly RTCIceCandidate: unknown
}
