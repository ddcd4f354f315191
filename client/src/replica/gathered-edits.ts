import { sorted } from '@holdfast/peer/protocol'
import type { Clock, Undo } from '@holdfast/peer/ports'
import { writeVarUint } from 'lib0/encoding'
import * as Y from 'yjs'
import { replicaBounds as bounds } from './limits.js'

/**
 * Gathers what is edited in a Y.Doc into ops. The first edit leaves at once, within the call, so that
 * a keystroke waits for nothing; what follows soon leaves together.
 *
 *   idle ──edit: leaves──► gathering ──20 ms, with edits: one op──► gathering
 *     ▲                        └──────20 ms, without──────┐
 *     └──────────────────────────────────────────────────┘
 *
 * Kept of an edit is only where it begins and what it deletes; the bytes are written when it leaves.
 * A burst of typing is one item by then, and costs a fraction of as many updates, merged.
 */
export class GatheredEdits {
  readonly #doc: Y.Doc
  readonly #origin: object
  readonly #clock: Clock
  readonly #leave: (bytes: Uint8Array) => void
  readonly #changed: () => void
  /** By client the first clock that has not left. */
  #fromByClient = new Map<number, number>()
  /** By client the clock before which everything has left, or came from others. */
  readonly #leftByClient = new Map<number, number>()
  #deletes: Y.Transaction['deleteSet'][] = []
  #gathering: Undo | undefined

  /**
   * @param origin of the transactions that bring what others edited
   * @param changed there is something that has not left
   */
  constructor(
    doc: Y.Doc,
    origin: object,
    clock: Clock,
    leave: (bytes: Uint8Array) => void,
    changed: () => void,
  ) {
    this.#doc = doc
    this.#origin = origin
    this.#clock = clock
    this.#leave = leave
    this.#changed = changed
    doc.on('afterTransactionCleanup', this.#heard)
  }

  get isWaiting(): boolean {
    return this.#fromByClient.size > 0 || this.#deletes.length > 0
  }

  /** What waits leaves now; nothing is armed afterwards. */
  flush(): void {
    this.#gathering?.()
    this.#gathering = undefined
    this.#leaveTogether()
  }

  /** What waits leaves, and nothing more is heard. */
  stop(): void {
    this.#doc.off('afterTransactionCleanup', this.#heard)
    this.flush()
  }

  readonly #heard = (transaction: Y.Transaction): void => {
    if (transaction.origin === this.#origin) return
    let isEdit = false
    const { beforeState, afterState, deleteSet } = transaction
    for (const [client, clock] of afterState) {
      const before = beforeState.get(client) ?? 0
      if (before === clock) continue
      const from = Math.max(before, this.#leftByClient.get(client) ?? 0)
      // An edit that an observer made has left with the one that caused it.
      if (from >= clock) continue
      isEdit = true
      if (!this.#fromByClient.has(client)) this.#fromByClient.set(client, from)
    }
    if (deleteSet.clients.size > 0) {
      isEdit = true
      this.#deletes.push(deleteSet)
    }
    if (!isEdit) return
    this.#changed()
    if (this.#gathering === undefined) this.#gather()
  }

  #gather(): void {
    this.#gathering = this.#clock.after(bounds.gatherMs, () => {
      this.#gathering = undefined
      if (this.isWaiting) this.#gather()
    })
    this.#leaveTogether()
  }

  #leaveTogether(): void {
    if (!this.isWaiting) return
    const { store } = this.#doc
    const bytes = encodeSince(store, this.#fromByClient, this.#deletes)
    for (const client of this.#fromByClient.keys()) {
      this.#leftByClient.set(client, Y.getState(store, client))
    }
    this.#fromByClient = new Map()
    this.#deletes = []
    this.#leave(bytes)
  }
}

/** The structs of these clients from these clocks on, and these deletions, as one update. */
function encodeSince(
  store: Y.Doc['store'],
  fromByClient: ReadonlyMap<number, number>,
  deletes: readonly Y.Transaction['deleteSet'][],
): Uint8Array {
  const encoder = new Y.UpdateEncoderV1()
  writeVarUint(encoder.restEncoder, fromByClient.size)
  for (const [client, from] of sorted(fromByClient, ([a], [b]) => b - a)) {
    const structs = store.clients.get(client) ?? []
    const first = Y.findIndexSS(structs, from)
    writeVarUint(encoder.restEncoder, structs.length - first)
    encoder.writeClient(client)
    writeVarUint(encoder.restEncoder, from)
    for (let at = first; at < structs.length; at++) {
      const struct = structs[at]
      struct?.write(encoder, at === first ? from - struct.id.clock : 0)
    }
  }
  writeDeletes(encoder, Y.mergeDeleteSets([...deletes]))
  return encoder.toUint8Array()
}

function writeDeletes(encoder: Y.UpdateEncoderV1, { clients }: Y.Transaction['deleteSet']): void {
  writeVarUint(encoder.restEncoder, clients.size)
  for (const [client, ranges] of sorted(clients, ([a], [b]) => b - a)) {
    encoder.resetDsCurVal()
    writeVarUint(encoder.restEncoder, client)
    writeVarUint(encoder.restEncoder, ranges.length)
    for (const { clock, len } of ranges) {
      encoder.writeDsClock(clock)
      encoder.writeDsLen(len)
    }
  }
}
