/**
 * A slow way for real WebRTC, on loopback and without privileges: each of two peers is told the port
 * of this relay in place of the other's address, and every packet takes its turn on a line.
 *
 *   A ──► port of B ─► [loss │ queue │ rate │ delay] ─► B        and the same back
 */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { sharedNowMs } from './peer-commands.js'

export interface WayConditions {
  /** One way. */
  readonly delayMs: number
  readonly bytesPerSecond: number
  /** What may wait for the line; what comes beyond it is lost, as in a router. */
  readonly queueBytes: number
  /** Chance of each packet to be lost. */
  readonly lossRate: number
}

export class SlowWay {
  readonly #a: End
  readonly #b: End

  private constructor(a: Socket, b: Socket, conditions: WayConditions) {
    this.#a = new End(a, conditions)
    this.#b = new End(b, conditions)
    this.#a.other = this.#b
    this.#b.other = this.#a
  }

  static async open(conditions: WayConditions): Promise<SlowWay> {
    return new SlowWay(await bound(), await bound(), conditions)
  }

  /** Where the other reaches the first peer, and where the other the second. */
  get ports(): readonly [number, number] {
    return [this.#a.port, this.#b.port]
  }

  /** Packets that were lost by chance, and for want of room. */
  get lost(): number {
    return this.#a.lost + this.#b.lost
  }

  close(): void {
    this.#a.close()
    this.#b.close()
  }
}

/** Stands for one peer in front of the other. */
class End {
  other: End | undefined
  lost = 0
  readonly port: number
  readonly #socket: Socket
  readonly #conditions: WayConditions
  /** Where the other peer sends from: what is for it goes there. */
  #from: { readonly address: string; readonly port: number; heardAtMs: number } | undefined
  #lineFreeAtMs = 0
  readonly #underWay: { readonly packet: Buffer; readonly atMs: number }[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(socket: Socket, conditions: WayConditions) {
    this.#socket = socket
    this.#conditions = conditions
    this.port = socket.address().port
    socket.on('message', (packet, { address, port }) => this.#take(packet, address, port))
    // An end that is gone answers with an ICMP message: packets to it are lost, that is all.
    socket.on('error', () => void this.lost++)
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#underWay.length = 0
    this.#socket.close()
  }

  /** Gives a packet to the peer that sends here. */
  give(packet: Buffer): void {
    if (this.#from === undefined) this.lost++
    else this.#socket.send(packet, this.#from.port, this.#from.address)
  }

  #take(packet: Buffer, address: string, port: number): void {
    const nowMs = sharedNowMs()
    // A peer tries from all its addresses: the first that was heard stays until it is silent.
    const isKnown = this.#from?.address === address && this.#from.port === port
    if (!isKnown && nowMs - (this.#from?.heardAtMs ?? -Infinity) < holdSourceMs) return
    this.#from = { address, port, heardAtMs: nowMs }
    const { lossRate, bytesPerSecond, queueBytes, delayMs } = this.#conditions
    const waitingBytes = (Math.max(0, this.#lineFreeAtMs - nowMs) * bytesPerSecond) / 1_000
    if (Math.random() < lossRate || waitingBytes + packet.length > queueBytes) {
      this.lost++
      return
    }
    this.#lineFreeAtMs =
      Math.max(nowMs, this.#lineFreeAtMs) + (packet.length * 1_000) / bytesPerSecond
    this.#underWay.push({ packet, atMs: this.#lineFreeAtMs + delayMs })
    this.#arm()
  }

  #arm(): void {
    const [next] = this.#underWay
    if (next === undefined || this.#timer !== undefined) return
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined
        const nowMs = sharedNowMs()
        const due = this.#underWay.findIndex(({ atMs }) => atMs > nowMs)
        const gone = this.#underWay.splice(0, due < 0 ? this.#underWay.length : due)
        for (const { packet } of gone) this.other?.give(packet)
        this.#arm()
      },
      Math.max(0, next.atMs - sharedNowMs()),
    )
  }
}

const holdSourceMs = 3_000

async function bound(): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 * 1_024 * 1_024 })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return socket
}
