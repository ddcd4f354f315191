import { useEffect, useState } from 'react'
import { Text, View } from 'react-native'
import { Groceries } from './groceries'
import { openSession } from './session'

/** `holdfast up` on this machine, as an emulator reaches it; elsewhere the server's own address. */
const server = 'ws://10.0.2.2:4440'

export function App() {
  const [session, setSession] = useState(undefined)
  const [error, setError] = useState(undefined)

  useEffect(() => {
    const opening = openSession(server)
    opening.then(setSession, setError)
    return () => {
      opening.then(({ client }) => client.close()).catch(setError)
    }
  }, [])

  if (error !== undefined) return <Text>The list cannot be opened: {error.message}</Text>
  if (session === undefined) return <Text>Opening …</Text>
  return (
    <View style={{ flex: 1, padding: 24, paddingTop: 64 }}>
      <Groceries client={session.client} lists={session.lists} />
    </View>
  )
}
