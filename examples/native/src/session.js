/** One client for the whole app, made once, outside of what React renders. */
import { createClient } from '@holdfast/client'
import { nativeStore } from '@holdfast/client/native'
import * as sqlite from '@op-engineering/op-sqlite'
import { AppState } from 'react-native'
import { RTCIceCandidate, RTCPeerConnection, RTCSessionDescription } from 'react-native-webrtc'

export async function openSession(server) {
  const client = await createClient({
    store: nativeStore({ sqlite, name: 'groceries.db', appState: AppState }),
    server,
    rtc: { RTCIceCandidate, RTCPeerConnection, RTCSessionDescription },
  })
  return { client, lists: await client.collection('lists') }
}
