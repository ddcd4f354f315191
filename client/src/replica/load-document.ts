import { HeldDocument } from '@holdfast/peer'
import type { Clock, Logger } from '@holdfast/peer/ports'
import {
  messageBounds,
  readUpdate,
  updateLimits,
  type Coverage,
  type DocumentRef,
} from '@holdfast/peer/protocol'
import * as Y from 'yjs'
import type { LogPlace, StoredDocument } from '../store/kept-rows.js'

export interface LoadOptions {
  readonly document: DocumentRef
  readonly createDoc: (document: DocumentRef) => Y.Doc
  readonly origin: object
  readonly clock: Clock
  readonly logger: Logger
}

/** A stored part that cannot be applied. */
export interface Offender {
  /** Of the update; 0 for the snapshot. */
  readonly key: number
  readonly bytes: Uint8Array
  readonly place: LogPlace | undefined
  readonly reason: string
  /** It is no update. What is taken in is one: this came to harm in the store. */
  readonly isHarmed: boolean
}

export interface Loaded {
  readonly held: HeldDocument
  /** What has to be set aside; the document is what the rest makes. */
  readonly offenders: readonly Offender[]
}

/** Builds a document of what is stored of it. */
export function loadDocument(stored: StoredDocument, options: LoadOptions): Loaded {
  const parts = [
    ...(stored.snapshot === undefined
      ? []
      : [{ key: 0, bytes: stored.snapshot, place: undefined }]),
    ...stored.updates,
  ]
  return loadAtOnce(parts, options) ?? loadWithCare(parts, options)
}

/**
 * All that is stored, in order and in one Yjs transaction: what a sound document costs. Merging it
 * first would cost as much again.
 */
function loadAtOnce(parts: readonly Part[], options: LoadOptions): Loaded | undefined {
  const doc = options.createDoc(options.document)
  try {
    doc.transact(() => {
      for (const { bytes } of parts) Y.applyUpdate(doc, bytes, options.origin)
    }, options.origin)
  } catch {
    // Which part it was, and why, is found out with care.
    doc.destroy()
    return undefined
  }
  const { pendingStructs, pendingDs } = doc.store
  if (pendingStructs !== null || pendingDs !== null) {
    doc.destroy()
    return undefined
  }
  return { held: heldOf(doc, options), offenders: [] }
}

/**
 * Part by part, for a document that has a gap or a part that cannot be applied: what deletes ids that
 * nobody has written is held back, and whatever throws is left out.
 */
function loadWithCare(parts: readonly Part[], options: LoadOptions): Loaded {
  const offenders: Offender[] = []
  const sound: ReadPart[] = []
  for (const part of parts) {
    const coverage = readUpdate(part.bytes, storedLimits)
    if (coverage.ok) sound.push({ ...part, document: options.document, coverage: coverage.value })
    else offenders.push({ ...part, reason: coverage.refusal.detail, isHarmed: true })
  }
  for (;;) {
    const held = heldOf(options.createDoc(options.document), options)
    if (held.apply(sound, options.origin) !== 'damaged') return { held, offenders }
    held.doc.destroy()
    const { at, reason } = firstThrowing(sound, options)
    const [offender] = sound.splice(at, 1)
    if (offender !== undefined) offenders.push({ ...offender, reason, isHarmed: false })
  }
}

/** The first part that throws; where none does by itself, the last one is taken for it. */
function firstThrowing(
  parts: readonly ReadPart[],
  options: LoadOptions,
): { readonly at: number; readonly reason: string } {
  const held = heldOf(options.createDoc(options.document), options)
  try {
    for (const [at, part] of parts.entries()) {
      if (held.apply([part], options.origin) === 'damaged') {
        return { at, reason: String(held.damage) }
      }
    }
    return { at: parts.length - 1, reason: 'the document cannot be applied as a whole' }
  } finally {
    held.doc.destroy()
  }
}

interface Part {
  readonly key: number
  readonly bytes: Uint8Array
  readonly place: LogPlace | undefined
}

interface ReadPart extends Part {
  readonly document: DocumentRef
  readonly coverage: Coverage
}

function heldOf(doc: Y.Doc, { document, clock, logger }: LoadOptions): HeldDocument {
  return new HeldDocument(document, doc, clock, logger)
}

/** The state of a document of the largest size may be a little longer than its content. */
export const storedLimits = { ...updateLimits, maxBytes: messageBounds.maxUpdateBytes }
