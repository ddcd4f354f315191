/**
 * As much of TURN (RFC 8656) as it takes to know that a server is there and takes a secret: asks for a
 * relay, is asked who it is, says so, and gives the relay back.
 *
 *     Allocate ► 401 (realm, nonce) ► Allocate, signed ► success ► Refresh with lifetime 0
 *                                                     └► 4xx: the answer
 */
import { createHash, createHmac, randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

export interface TurnUrl {
  readonly host: string
  readonly port: number
  readonly transport: 'udp' | 'tcp' | 'tls'
}

/** Undefined if it is none. */
export function parseTurnUrl(text: string): TurnUrl | undefined {
  const [, scheme, bracketed, plain, port, transport] =
    /^(turns?):(?:\[([\da-f:.]+)\]|([\w.-]+))(?::(\d{1,5}))?(?:\?transport=(udp|tcp))?$/i.exec(
      text,
    ) ?? []
  const host = bracketed ?? plain
  if (host === undefined || scheme === undefined) return undefined
  const isSecure = scheme.toLowerCase() === 'turns'
  return {
    host,
    port: Number(port ?? (isSecure ? 5349 : 3478)),
    transport: isSecure ? 'tls' : transport?.toLowerCase() === 'tcp' ? 'tcp' : 'udp',
  }
}

interface Credentials {
  readonly username: string
  readonly password: string
}

/** `allocated`, or the number that the server refuses with. Rejects if it does not answer. */
export async function allocate(
  url: TurnUrl,
  { username, password }: Credentials,
): Promise<'allocated' | number> {
  const wire = url.transport === 'udp' ? await udpWire(url) : await streamWire(url)
  try {
    const first = await ask(wire, allocateMethod, [requestedTransport])
    if (first.isSuccess) return 'allocated'
    const realm = first.attributes.get(attribute.realm)
    const nonce = first.attributes.get(attribute.nonce)
    if (first.errorCode !== 401 || realm === undefined || nonce === undefined) {
      return first.errorCode
    }
    const key = createHash('md5').update(`${username}:${realm.toString()}:${password}`).digest()
    const identity = [
      field(attribute.username, Buffer.from(username)),
      field(attribute.realm, realm),
      field(attribute.nonce, nonce),
    ]
    const second = await ask(wire, allocateMethod, [requestedTransport, ...identity], key)
    if (!second.isSuccess) return second.errorCode
    await ask(wire, refreshMethod, [field(attribute.lifetime, Buffer.alloc(4)), ...identity], key)
    return 'allocated'
  } finally {
    wire.close()
  }
}

interface Wire {
  send(message: Buffer): void
  /** What comes next; rejects when nothing does in time. */
  next(): Promise<Buffer>
  /** Requests may be lost on the way. */
  readonly isLossy: boolean
  close(): void
}

interface Answer {
  readonly isSuccess: boolean
  readonly errorCode: number
  readonly attributes: ReadonlyMap<number, Buffer>
}

async function ask(
  wire: Wire,
  method: number,
  attributes: readonly Buffer[],
  key?: Buffer,
): Promise<Answer> {
  const transaction = randomBytes(12)
  const message = request(method, transaction, attributes, key)
  for (let attempt = wire.isLossy ? 1 : maxAttempts; ; attempt++) {
    wire.send(message)
    try {
      for (;;) {
        const answer = readAnswer(await wire.next(), transaction)
        if (answer !== undefined) return answer
      }
    } catch (error) {
      if (attempt >= maxAttempts) throw error
    }
  }
}

function request(
  method: number,
  transaction: Buffer,
  attributes: readonly Buffer[],
  key: Buffer | undefined,
): Buffer {
  const body = Buffer.concat(attributes)
  const header = Buffer.alloc(8)
  header.writeUInt16BE(method, 0)
  header.writeUInt32BE(magicCookie, 4)
  // The signature is over a header that counts the signature itself.
  header.writeUInt16BE(body.length + (key === undefined ? 0 : 24), 2)
  const unsigned = Buffer.concat([header, transaction, body])
  if (key === undefined) return unsigned
  const signature = createHmac('sha1', key).update(unsigned).digest()
  return Buffer.concat([unsigned, field(attribute.integrity, signature)])
}

function field(type: number, value: Buffer): Buffer {
  const padded = Buffer.alloc(4 + Math.ceil(value.length / 4) * 4)
  padded.writeUInt16BE(type, 0)
  padded.writeUInt16BE(value.length, 2)
  value.copy(padded, 4)
  return padded
}

/** Undefined if it answers something else. */
function readAnswer(bytes: Buffer, transaction: Buffer): Answer | undefined {
  if (bytes.length < 20 || !bytes.subarray(8, 20).equals(transaction)) return undefined
  const attributes = new Map<number, Buffer>()
  for (let at = 20; at + 4 <= bytes.length;) {
    const length = bytes.readUInt16BE(at + 2)
    attributes.set(bytes.readUInt16BE(at), bytes.subarray(at + 4, at + 4 + length))
    at += 4 + Math.ceil(length / 4) * 4
  }
  const error = attributes.get(attribute.error)
  const errorCode =
    error !== undefined && error.length >= 4 ? (error[2] ?? 0) * 100 + (error[3] ?? 0) : 0
  return { isSuccess: (bytes.readUInt16BE(0) & 0x0110) === 0x0100, errorCode, attributes }
}

const magicCookie = 0x2112a442
const allocateMethod = 0x0003
const refreshMethod = 0x0004
const attribute = {
  username: 0x0006,
  integrity: 0x0008,
  error: 0x0009,
  lifetime: 0x000d,
  realm: 0x0014,
  nonce: 0x0015,
} as const
/** UDP, whatever leads there. */
const requestedTransport = field(0x0019, Buffer.from([17, 0, 0, 0]))

const maxAttempts = 3
/** Across an ocean and back. */
const answerMs = 2_000

function udpWire({ host, port }: TurnUrl): Promise<Wire> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  const inbox = new Inbox()
  socket.on('message', (message) => inbox.put(message))
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.connect(port, host, (error?: Error | null) => {
      if (error !== undefined && error !== null) return reject(error)
      socket.off('error', reject)
      // A port that is closed is heard of in this way.
      socket.on('error', (failure) => inbox.fail(failure))
      resolve({
        send: (message) => socket.send(message),
        next: () => inbox.next(),
        isLossy: true,
        close: () => socket.close(),
      })
    })
  })
}

function streamWire({ host, port, transport }: TurnUrl): Promise<Wire> {
  const inbox = new Inbox()
  let held = Buffer.alloc(0)
  return new Promise((resolve, reject) => {
    const socket: Socket =
      transport === 'tls'
        ? connectTls({ host, port, servername: host })
        : connectTcp({ host, port })
    const timer = setTimeout(() => socket.destroy(new Error('no connection in time')), answerMs * 2)
    socket.on('error', (error) => {
      clearTimeout(timer)
      reject(error)
      inbox.fail(error)
    })
    socket.on('data', (chunk: Buffer) => {
      held = Buffer.concat([held, chunk])
      while (held.length >= 20 && held.length >= 20 + held.readUInt16BE(2)) {
        const length = 20 + held.readUInt16BE(2)
        inbox.put(held.subarray(0, length))
        held = held.subarray(length)
      }
    })
    socket.once(transport === 'tls' ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer)
      resolve({
        send: (message) => void socket.write(message),
        next: () => inbox.next(),
        isLossy: false,
        close: () => void socket.destroy(),
      })
    })
  })
}

/** What has come and nobody has looked at. */
class Inbox {
  readonly #messages: Buffer[] = []
  #failure: Error | undefined
  #wake: (() => void) | undefined

  put(message: Buffer): void {
    this.#messages.push(message)
    this.#wake?.()
  }

  fail(error: Error): void {
    this.#failure = error
    this.#wake?.()
  }

  async next(): Promise<Buffer> {
    if (this.#messages.length === 0 && this.#failure === undefined) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, answerMs)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      this.#wake = undefined
    }
    const message = this.#messages.shift()
    if (message !== undefined) return message
    throw this.#failure ?? new Error(`nothing came within ${answerMs} ms`)
  }
}
