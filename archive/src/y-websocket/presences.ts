/**
 * Who shows what in one document. The rules are those of y-protocols' awareness: each client counts
 * its own changes, the higher count wins, and `null` means gone.
 *
 * Its clients send back every presence that they hear of. So what is not newer changes nothing and
 * is passed on to nobody, and only the socket that brought a client's newest word can end it with
 * the same count.
 */
import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import { accept, isFields, parseBoundedJson, refuse, type Parsed } from '@holdfast/peer/protocol'

export interface PresenceBounds {
  /** Clients, those that are gone and remembered included. */
  readonly maxPresences: number
  /** Of all states together. */
  readonly maxPresenceBytes: number
}

export class Presences<Owner> {
  readonly #bounds: PresenceBounds
  readonly #presenceByClient = new Map<number, Presence<Owner>>()
  #bytes = 0

  constructor(bounds: PresenceBounds) {
    this.#bounds = bounds
  }

  /**
   * Takes in what an owner sent. Gives what of it is new, for everybody; undefined if nothing is.
   * Beyond the bounds news is not heard.
   */
  take(owner: Owner, update: Uint8Array, nowMs: number): Parsed<Uint8Array | undefined> {
    // What all states together may take, and around each a client and a count: more is not parsed.
    const { maxPresences, maxPresenceBytes } = this.#bounds
    if (update.length > maxPresenceBytes + maxPresences * besidesBytes) {
      return refuse('too-large', 'awareness: too many bytes')
    }
    const fresh: Said[] = []
    try {
      const decoder = decoding.createDecoder(update)
      const count = decoding.readVarUint(decoder)
      if (count > this.#bounds.maxPresences)
        return refuse('too-large', 'awareness: too many clients')
      for (let at = 0; at < count; at++) {
        const client = decoding.readVarUint(decoder)
        const clock = decoding.readVarUint(decoder)
        const text = decoding.readVarString(decoder)
        if (!this.#isNews(owner, client, clock, text)) continue
        // Text that is no JSON would throw in every client that hears it.
        const state = parseBoundedJson(text, this.#bounds.maxPresenceBytes, maxDepth)
        if (!state.ok) return state
        if (state.value !== null && !isFields(state.value)) {
          return refuse('malformed', 'awareness: a state that is no object')
        }
        fresh.push({ client, clock, text: state.value === null ? gone : text })
      }
      if (decoding.hasContent(decoder)) return refuse('malformed', 'awareness: bytes left over')
    } catch {
      // lib0 throws where bytes end too early, and for numbers that are too large.
      return refuse('malformed', 'awareness: not an awareness update')
    }
    const heard = fresh.filter((said) => this.#keep(owner, said, nowMs))
    return accept(heard.length === 0 ? undefined : encode(heard))
  }

  /** Everybody who is there; undefined if nobody is. */
  all(): Uint8Array | undefined {
    const present = [...this.#presenceByClient.values()].filter(({ text }) => text !== gone)
    return present.length === 0 ? undefined : encode(present)
  }

  /** An owner has gone, and with it whom it brought: the news of it, for those who are left. */
  leave(owner: Owner, nowMs: number): Uint8Array | undefined {
    const left: Said[] = []
    for (const presence of this.#presenceByClient.values()) {
      if (presence.owner !== owner || presence.text === gone) continue
      const { client, clock } = presence
      const said = { client, clock, text: gone }
      this.#keep(undefined, said, nowMs)
      left.push(said)
    }
    return left.length === 0 ? undefined : encode(left)
  }

  /** Forgets who has been gone for long: nobody sends their old words any more. */
  forget(nowMs: number): void {
    for (const [client, { text, saidAtMs }] of this.#presenceByClient) {
      if (text !== gone || nowMs - saidAtMs <= rememberGoneMs) continue
      this.#presenceByClient.delete(client)
      this.#bytes -= gone.length
    }
  }

  #isNews(owner: Owner, client: number, clock: number, text: string): boolean {
    const known = this.#presenceByClient.get(client)
    if (known === undefined) return text !== gone
    if (clock !== known.clock) return clock > known.clock
    return text === gone && known.text !== gone && known.owner === owner
  }

  #keep(owner: Owner | undefined, said: Said, nowMs: number): boolean {
    const known = this.#presenceByClient.get(said.client)
    if (known === undefined && this.#presenceByClient.size >= this.#bounds.maxPresences)
      return false
    const bytes = this.#bytes - (known?.text.length ?? 0) + said.text.length
    if (said.text !== gone && bytes > this.#bounds.maxPresenceBytes) return false
    this.#bytes = bytes
    this.#presenceByClient.set(said.client, { ...said, owner, saidAtMs: nowMs })
    return true
  }
}

interface Said {
  readonly client: number
  readonly clock: number
  /** JSON. */
  readonly text: string
}

interface Presence<Owner> extends Said {
  /** Who brought the newest word; undefined once that one has gone. */
  readonly owner: Owner | undefined
  readonly saidAtMs: number
}

function encode(all: readonly Said[]): Uint8Array {
  const encoder = encoding.createEncoder()
  encoding.writeVarUint(encoder, all.length)
  for (const { client, clock, text } of all) {
    encoding.writeVarUint(encoder, client)
    encoding.writeVarUint(encoder, clock)
    encoding.writeVarString(encoder, text)
  }
  return encoding.toUint8Array(encoder)
}

const gone = 'null'
/** Arrays and objects inside one another: editors use three or four. */
const maxDepth = 16
/** Twice the time after which clients drop presence by themselves. */
const rememberGoneMs = 60_000

/** Of a client, a count, and the length of the state. */
const besidesBytes = 32
