import type { Undo } from '../ports/index.js'
import {
  encodeMessage,
  hexOf,
  messageBounds,
  nextAfter,
  type DocumentRef,
  type ErrorCode,
  type InstanceId,
  type MessageOf,
  type OpId,
} from '../protocol/index.js'
import { ask, keyOfOp, type SessionContext } from './context.js'
import { archiveBounds as bounds } from './limits.js'

/** What became of one: `nothing` where this replica holds nothing that could be given. */
export type UploadOutcome = 'committed' | 'gapped' | 'nothing' | ErrorCode

/** What the archive lacks of a document, or the end of a generation. */
export type Upload =
  | { readonly kind: 'upload'; readonly document: DocumentRef; readonly stateVector: Uint8Array }
  | { readonly kind: 'tombstone'; readonly document: DocumentRef }

/**
 * States of documents that the archive has asked for, or must have before it takes an op. They are
 * made when their turn has come, so that what waits is names; few are under way at a time.
 *
 * They are no ops of the outbox: they go under ids of their own, of an instance that nobody else
 * has, and whoever has lost an answer asks again.
 */
export class Uploads {
  readonly #context: SessionContext
  readonly #instance: InstanceId
  readonly #openByKey = new Map<string, Open>()
  readonly #pauses = new Set<Undo>()
  #waiting: Open[] = []
  #making = 0
  #openBytes = 0
  #n = 0

  constructor(context: SessionContext) {
    this.#context = context
    this.#instance = hexOf(context.random.bytes(16)) as InstanceId
  }

  /** How many are not answered. */
  get size(): number {
    return this.#openByKey.size + this.#waiting.length + this.#making + this.#pauses.size
  }

  /** `onDone` is called once, unless the link ends first. */
  add(upload: Upload, onDone: (outcome: UploadOutcome) => void): void {
    this.#waiting.push({ upload, onDone, tries: 0, bytes: 0 })
    void this.#pump()
  }

  /** False: not one of these. */
  committed(op: OpId, gapped: boolean): boolean {
    const open = this.#answered(op)
    open?.onDone(gapped ? 'gapped' : 'committed')
    void this.#pump()
    // Said again when its gap has closed: nobody waits for that.
    return open !== undefined || op.instance === this.#instance
  }

  /** False: not one of these. */
  refused(op: OpId, code: ErrorCode, retryAfterMs: number | undefined): boolean {
    const open = this.#answered(op)
    if (open === undefined) return op.instance === this.#instance
    open.tries++
    const isFinal = nextAfter(code) === 'fatal' || code === 'predecessors-first'
    if (isFinal || open.tries >= bounds.maxUploadTries) this.#done(open, code)
    else this.#later(open, retryAfterMs ?? bounds.firstPushPauseMs * 2 ** open.tries)
    void this.#pump()
    return true
  }

  close(): void {
    for (const undo of this.#pauses) undo()
    this.#pauses.clear()
    this.#openByKey.clear()
    this.#waiting = []
  }

  async #pump(): Promise<void> {
    while (
      this.#openByKey.size + this.#making < bounds.maxOpenUploads &&
      this.#openBytes < bounds.maxOpenUploadBytes
    ) {
      const open = this.#waiting.shift()
      if (open === undefined) return
      this.#making++
      const op = await this.#opOf(open)
      this.#making--
      if (this.#context.isOver()) return
      if (op === undefined) this.#done(open, 'nothing')
      else this.#push(open, op)
    }
  }

  async #opOf({ upload }: Open): Promise<PushedOp | undefined> {
    const id = { instance: this.#instance, n: ++this.#n }
    const { document } = upload
    if (upload.kind === 'tombstone') return { kind: 'tombstone', op: id, document }
    const bytes = await ask(
      this.#context,
      this.#context.ledger.difference(document, upload.stateVector),
    )
    if (bytes?.value === undefined || isEmptyUpdate(bytes.value)) return undefined
    return { kind: 'upload', op: id, document, bytes: bytes.value }
  }

  #push(open: Open, op: PushedOp): void {
    const { sender, maxMessageBytes } = this.#context
    const encoded = encodePush([op], undefined, maxMessageBytes)
    if (encoded === undefined) {
      this.#done(open, 'document-too-large')
      return
    }
    open.bytes = encoded.length
    this.#openBytes += encoded.length
    this.#openByKey.set(keyOfOp(op.op), open)
    sender.sayEncoded(encoded, 'bulk')
  }

  #answered(op: OpId): Open | undefined {
    const key = keyOfOp(op)
    const open = this.#openByKey.get(key)
    if (open === undefined) return undefined
    this.#openByKey.delete(key)
    this.#openBytes -= open.bytes
    open.bytes = 0
    return open
  }

  #done({ upload, onDone }: Open, outcome: UploadOutcome): void {
    const isRefused = !['committed', 'gapped', 'nothing', 'document-deleted'].includes(outcome)
    if (isRefused) {
      const code = outcome as ErrorCode
      this.#context.trouble({ kind: 'upload-refused', document: upload.document, code })
    }
    onDone(outcome)
  }

  #later(open: Open, pauseMs: number): void {
    const undo = this.#context.clock.after(Math.min(pauseMs, bounds.mostPushPauseMs), () => {
      this.#pauses.delete(undo)
      this.#waiting.push(open)
      void this.#pump()
    })
    this.#pauses.add(undo)
  }
}

interface Open {
  readonly upload: Upload
  readonly onDone: (outcome: UploadOutcome) => void
  tries: number
  bytes: number
}

export type PushedOp = MessageOf<'push'>['ops'][number]

/** Undefined: longer than the archive takes, or than any message may be. */
export function encodePush(
  ops: readonly PushedOp[],
  reached: MessageOf<'push'>['reached'],
  maxMessageBytes: number,
): Uint8Array | undefined {
  const isTooLong = ops.some(
    (op) => op.kind !== 'tombstone' && op.bytes.length > messageBounds.maxUpdateBytes,
  )
  const total = ops.reduce((sum, op) => sum + (op.kind === 'tombstone' ? 0 : op.bytes.length), 0)
  if (isTooLong || total > maxMessageBytes) return undefined
  const encoded = encodeMessage({
    type: 'push',
    ...(reached === undefined ? {} : { reached }),
    ops,
  })
  return encoded.length > maxMessageBytes ? undefined : encoded
}

/** No structs and no deletions. */
function isEmptyUpdate(bytes: Uint8Array): boolean {
  return bytes.length === 2 && bytes[0] === 0 && bytes[1] === 0
}
