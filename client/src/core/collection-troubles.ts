/** What goes wrong in a collection of the owner, in the words that the app is told. */
import type { LiveMessage } from '@holdfast/peer'
import type { Clock, Random } from '@holdfast/peer/ports'
import type { CollectionName, ErrorCode } from '@holdfast/peer/protocol'
import type { ArchiveTrouble } from '../archive/index.js'
import { ClientError } from '../errors.js'
import type { ReplicaEvent } from '../replica/open-document.js'
import type { Store } from '../store/store.js'
import type { ArchiveWay } from './archive-way.js'

/** Between two times that a neighbour's refusals with one code are told. */
const tellRefusalsEveryMs = 10_000

export interface CollectionTroublesOptions {
  readonly name: CollectionName
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly report: (error: ClientError) => void
  /** Writing to the store fails, or (undefined) works again. */
  readonly storage: (failure: ClientError | undefined) => void
}

export class CollectionTroubles {
  readonly #options: CollectionTroublesOptions
  readonly #refusalAtMsByCode = new Map<ErrorCode, number>()

  constructor(options: CollectionTroublesOptions) {
    this.#options = options
  }

  /** @param isMissed somebody here has the document open that has ended, and nobody here has ended it */
  happened(event: ReplicaEvent, isMissed: boolean): void {
    const { report, storage } = this.#options
    switch (event.kind) {
      case 'refused': {
        const { document, code } = event
        const text = `an edit of ${document.id} is refused, and kept: ${code}`
        report(new ClientError('refused', text, { wireCode: code }))
        return
      }
      case 'damaged':
        report(new ClientError('document-damaged', `part of ${event.document.id}: ${event.reason}`))
        return
      case 'ended':
        if (isMissed) {
          report(new ClientError('document-deleted', `somebody deleted ${event.document.id}`))
        }
        return
      case 'failing':
        this.storeFails(event.cause)
        return
      case 'recovered':
        storage(undefined)
    }
  }

  storeFails(cause: unknown): void {
    const { storage } = this.#options
    if (cause instanceof ClientError) storage(cause)
    else storage(new ClientError('storage-failed', 'the store failed', { cause }))
  }

  /** A neighbour does not take an edit: now and then, because it says so of each. */
  neighbourSaid(message: LiveMessage): void {
    if (message.type !== 'error' || message.document === undefined) return
    const { code, document } = message
    const nowMs = this.#options.clock.monotonic()
    const toldAtMs = this.#refusalAtMsByCode.get(code) ?? -Infinity
    if (nowMs - toldAtMs < tellRefusalsEveryMs) return
    this.#refusalAtMsByCode.set(code, nowMs)
    const text = `a neighbour refuses an edit of ${document.id}: ${code}`
    this.#options.report(new ClientError('refused', text, { wireCode: code }))
  }

  accessRefused(who: string, code: ErrorCode): void {
    const { name, report } = this.#options
    const text = `${who} does not let this client into ${name}: ${code}`
    report(new ClientError('access-refused', text, { wireCode: code }))
  }

  archive(trouble: ArchiveTrouble, way: ArchiveWay): void {
    const { report, store, random } = this.#options
    const { url } = way.status
    switch (trouble.kind) {
      case 'resync-paused': {
        const seconds = Math.round(trouble.pauseMs / 1_000)
        const text = `${url} and this client do not agree: again in ${seconds} s`
        report(new ClientError('resync-failed', text))
        return
      }
      case 'upload-refused':
      case 'download-refused': {
        const { code, document } = trouble
        const text = `${document.id} cannot be brought to agreement with ${url}: ${code}`
        report(new ClientError('resync-failed', text, { wireCode: code }))
        return
      }
      case 'replica-in-use':
        // A copy of this store is at work: from now on the two go by different names.
        store.changeReplica(random).then(
          () => way.retryNow(),
          (error: unknown) => this.storeFails(error),
        )
        return
      case 'store-failed':
        this.storeFails(trouble.cause)
        return
      case 'archive-misbehaved':
        report(new ClientError('archive-misbehaved', `${url}: ${trouble.reason}`))
    }
  }
}
