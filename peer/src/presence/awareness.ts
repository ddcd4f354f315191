import { equalityDeep } from 'lib0/function'
import type * as Y from 'yjs'
import type { Clock } from '../ports/index.js'
import { messageBounds } from '../protocol/index.js'
import { PeerError } from '../errors.js'
import { encodeAwareness, type AwarenessEntry, type AwarenessState } from './awareness-update.js'

export interface AwarenessChange {
  readonly added: number[]
  readonly updated: number[]
  readonly removed: number[]
}

interface MetaState {
  clock: number
  /** On the wall clock. Nothing here measures with it. */
  lastUpdated: number
}

// y-protocols declares its listeners as `Function`: editors hand in whatever they have.
type Listener = Function

/**
 * Who is here and what they show, with the members and events of y-protocols' Awareness, so that
 * editor bindings take it for one. It has no timers: renewal and expiry are the business of
 * `PresenceScope`.
 *
 * - `change` is told when what is shown has changed, `update` also when it was only renewed, each
 *   with `({ added, updated, removed }, origin)`; the origin of own changes is `'local'`.
 * - A local state that does not fit a message (32 KiB) is refused by a `PeerError`.
 * - A listener that throws keeps no other from being told; then whoever made the change gets what it
 *   threw.
 */
export class Awareness {
  readonly doc: Y.Doc
  clientID: number
  states = new Map<number, AwarenessState>()
  meta = new Map<number, MetaState>()
  /** Under these two names y-protocols' class is known to TypeScript. */
  _observers = new Map<string, Set<Listener>>()
  _checkInterval: unknown = undefined
  readonly #clock: Clock
  readonly #destroy = (): void => this.destroy()
  #isDestroyed = false

  constructor(doc: Y.Doc, clock: Clock) {
    this.doc = doc
    this.clientID = doc.clientID
    this.#clock = clock
    doc.on('destroy', this.#destroy)
    this.setLocalState({})
  }

  getLocalState(): AwarenessState | null {
    return this.states.get(this.clientID) ?? null
  }

  /** `null`: gone, as far as the others see. */
  setLocalState(state: AwarenessState | null): void {
    if (this.#isDestroyed) return
    const client = this.clientID
    const before = this.states.get(client)
    const clock = (this.meta.get(client)?.clock ?? -1) + 1
    checkSize({ client, clock, state })
    if (state === null) this.states.delete(client)
    else this.states.set(client, state)
    this.#note(client, clock)
    const change: AwarenessChange = { added: [], updated: [], removed: [] }
    if (state === null) change.removed.push(client)
    else if (before === undefined) change.added.push(client)
    else change.updated.push(client)
    const isSame = state !== null && before !== undefined && equalityDeep(before, state)
    this.#tell(change, isSame ? [] : change.updated, 'local')
  }

  setLocalStateField(field: string, value: unknown): void {
    const state = this.getLocalState()
    if (state !== null) this.setLocalState({ ...state, [field]: value })
  }

  getStates(): Map<number, AwarenessState> {
    return this.states
  }

  /** What these clients show now, as it goes on the wire. */
  entriesOf(clients: Iterable<number>): readonly AwarenessEntry[] {
    return [...clients].map((client) => ({
      client,
      clock: this.meta.get(client)?.clock ?? 0,
      state: this.states.get(client) ?? null,
    }))
  }

  /** Takes over what was judged before: neither older than what is known, nor about ourselves. */
  take(entries: readonly AwarenessEntry[], origin: unknown): void {
    const change: AwarenessChange = { added: [], updated: [], removed: [] }
    const changed: number[] = []
    for (const { client, clock, state } of entries) {
      const before = this.states.get(client)
      this.#note(client, clock)
      if (state === null) {
        if (this.states.delete(client)) change.removed.push(client)
        continue
      }
      this.states.set(client, state)
      if (before === undefined) change.added.push(client)
      else {
        change.updated.push(client)
        if (!equalityDeep(before, state)) changed.push(client)
      }
    }
    this.#tell(change, changed, origin)
  }

  /** For the others: it is not shown any more, though here it stays as it is. */
  withdrawal(): AwarenessEntry {
    const clock = (this.meta.get(this.clientID)?.clock ?? -1) + 1
    this.#note(this.clientID, clock)
    return { client: this.clientID, clock, state: null }
  }

  /** These are gone, without a word of their own. */
  drop(clients: Iterable<number>, origin: unknown): void {
    const removed = [...clients].filter((client) => this.states.delete(client))
    this.#tell({ added: [], updated: [], removed }, [], origin)
  }

  on(name: string, listener: Listener): void {
    const listeners = this._observers.get(name)
    if (listeners === undefined) this._observers.set(name, new Set([listener]))
    else listeners.add(listener)
  }

  once(name: string, listener: Listener): void {
    const once = (...news: unknown[]): void => {
      this.off(name, once)
      call(listener, news)
    }
    this.on(name, once)
  }

  off(name: string, listener: Listener): void {
    const listeners = this._observers.get(name)
    listeners?.delete(listener)
    if (listeners?.size === 0) this._observers.delete(name)
  }

  emit(name: string, news: unknown[]): void {
    this.#emitAll([[name, news]])
  }

  /** The others see it go; afterwards nobody hears anything. Idempotent. */
  destroy(): void {
    if (this.#isDestroyed) return
    try {
      this.emit('destroy', [this])
    } finally {
      try {
        this.setLocalState(null)
      } finally {
        this.#isDestroyed = true
        this.doc.off('destroy', this.#destroy)
        this._observers = new Map()
      }
    }
  }

  #note(client: number, clock: number): void {
    this.meta.set(client, { clock, lastUpdated: this.#clock.now() })
  }

  #tell(change: AwarenessChange, changed: number[], origin: unknown): void {
    const { added, updated, removed } = change
    const events: [string, unknown[]][] = []
    if (added.length + changed.length + removed.length > 0) {
      events.push(['change', [{ added, updated: changed, removed }, origin]])
    }
    if (added.length + updated.length + removed.length > 0) {
      events.push(['update', [change, origin]])
    }
    this.#emitAll(events)
  }

  #emitAll(events: readonly (readonly [name: string, news: unknown[]])[]): void {
    const thrown: unknown[] = []
    for (const [name, news] of events) {
      for (const listener of this._observers.get(name) ?? []) {
        try {
          call(listener, news)
        } catch (error) {
          thrown.push(error)
        }
      }
    }
    if (thrown.length > 0) throw thrown[0]
  }
}

function call(listener: Listener, news: unknown[]): void {
  Reflect.apply(listener, undefined, news)
}

function checkSize(entry: AwarenessEntry): void {
  const { byteLength } = encodeAwareness([entry])
  if (byteLength <= messageBounds.maxPresenceBytes) return
  throw new PeerError(
    'presence-too-large',
    `a presence state has at most ${messageBounds.maxPresenceBytes} bytes, got ${byteLength}`,
  )
}
