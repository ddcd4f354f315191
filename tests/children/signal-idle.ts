/**
 * Idle peers in a process of their own. Arguments: port, how many, first number. Each joins a room
 * of eight and then only answers. Tells `{ joined }` over IPC when all have, and ends with the
 * channel.
 */
import { WebSocket } from 'ws'

const [port = 0, count = 0, first = 0] = process.argv.slice(2).map(Number)
let joined = 0

// A few at a time: the listener's queue is 511 long.
for (let at = 0; at < count; at += 50) {
  await Promise.all(
    Array.from({ length: Math.min(50, count - at) }, (_, n) => connect(first + at + n)),
  )
}
process.send?.({ joined })
process.on('disconnect', () => process.exit())

async function connect(number: number): Promise<void> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/signal`, { perMessageDeflate: false })
  socket.on('error', (cause) => {
    console.error(`idle peer ${number}: ${cause.message}`)
    process.exit(1)
  })
  const id = number.toString(16).padStart(32, '0')
  await new Promise((resolve) => {
    socket.on('open', () => {
      const collection = `room ${Math.floor(number / 8)}`
      const join = { type: 'join', version: 1, collection, replica: id, instance: id, role: 'peer' }
      socket.send(JSON.stringify(join))
    })
    socket.on('message', (data: Buffer) => {
      const { type } = JSON.parse(data.toString()) as { type: string }
      if (type === 'ping') socket.send('{"type":"pong"}')
      if (type !== 'joined') return
      joined++
      resolve(undefined)
    })
  })
}
