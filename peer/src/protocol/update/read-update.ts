import { refuse, type Parsed } from '../parsed.js'
import { parsing, type ByteReader } from './bytes.js'
import { skipContent } from './content.js'
import { emptyCoverage, missing, type Coverage, type IdRanges } from './coverage.js'
import { looksLikeSecondFormat } from './second-format.js'
import { updateLimits, type UpdateLimits } from './limits.js'
import { readDeleteSet } from './delete-set.js'
import { References } from './references.js'
import { RootNames } from './root-names.js'
import { wrong } from './wrong.js'

/**
 * Reads an update in Yjs' first format and says exactly what it contains, without building anything
 * of Yjs.
 *
 * What Yjs writes is never refused. What is accepted does not make Yjs throw, hang or allocate out
 * of proportion; everything that can be told without the document is checked here (docs/spec/update.md
 * says what cannot). A refusal is `malformed-update`, `unsupported-encoding` for bytes of Yjs' second
 * format, or `op-too-large` for what is beyond a limit.
 *
 *     update  clients(n) n × block  deleteSet
 *     block   structs(n) client clock  n × struct           clients descend, clocks run on
 *     struct  0 length                                      GC: garbage-collected
 *           | 10 length                                     Skip: a hole
 *           | info [origin] [rightOrigin] [parent [key]] content
 */
export function readUpdate(
  bytes: Uint8Array,
  limits: UpdateLimits = updateLimits,
): Parsed<Coverage> {
  const parsed = parsing(bytes, limits.maxBytes, (reader) => readWhole(reader, limits))
  if (!parsed.ok && looksLikeSecondFormat(bytes)) {
    return refuse('unsupported-encoding', "an update in Yjs' second format")
  }
  return parsed
}

function readWhole(reader: ByteReader, limits: UpdateLimits): Coverage {
  const blocks = reader.count(minBlockBytes)
  if (blocks > limits.maxClients) throw wrong.tooManyClients
  let structs: IdRanges = emptyCoverage.structs
  let refs: IdRanges = emptyCoverage.refs
  if (blocks > 0) {
    const blockReader = new BlockReader(reader, limits)
    for (let i = 0; i < blocks; i++) blockReader.readBlock()
    structs = blockReader.structs
    refs = blockReader.references.toRanges()
  }
  const coverage = { structs, deletes: readDeleteSet(reader, limits), refs }
  reader.finish()
  if (blocks > limits.maxWaitingClients && lacksPredecessors(coverage)) {
    throw wrong.tooManyWaitingClients
  }
  return coverage
}

/** True when the structs need others that are not among them. */
function lacksPredecessors({ structs, refs }: Coverage): boolean {
  return missing(emptyCoverage, { structs, deletes: emptyCoverage.deletes, refs }).size > 0
}

/** Walks the structs, client by client. */
class BlockReader {
  readonly structs = new Map<number, readonly number[]>()
  readonly references = new References()
  readonly #reader: ByteReader
  readonly #limits: UpdateLimits
  readonly #rootNames: RootNames
  /** The client of the block before: each must be lower. */
  #client = Infinity
  #subdocuments = 0

  constructor(reader: ByteReader, limits: UpdateLimits) {
    this.#reader = reader
    this.#limits = limits
    this.#rootNames = new RootNames(limits.maxRootTypes)
  }

  /**
   * Yjs writes a client once, highest first, and never without structs. `mergeUpdates` relies on it
   * and silently loses structs of blocks in another order.
   */
  readBlock(): void {
    const reader = this.#reader
    const count = reader.count(minStructBytes)
    if (count === 0) throw wrong.clientEmpty
    const client = reader.uint()
    if (client >= this.#client) throw wrong.clientsNotOrdered
    this.#client = client
    let clock = reader.uint()
    const ranges: number[] = []
    /** Where the stretch that is being read began; it ends at a Skip or with the block. */
    let from = clock
    for (let i = 0; i < count; i++) {
      const info = reader.byte()
      const isSkip = info === skipInfo
      const length = info === gcInfo || isSkip ? reader.uint() : this.#readItem(info, client, clock)
      if (length === 0) throw wrong.lengthZero
      if (isSkip && from < clock) ranges.push(from, clock)
      clock += length
      if (clock > this.#limits.maxClock) throw wrong.clockTooLarge
      if (isSkip) from = clock
    }
    if (from < clock) ranges.push(from, clock)
    if (ranges.length > 0) this.structs.set(client, ranges)
  }

  /**
   * An item: what it stands between, or else its parent and its key there, then its content. With an
   * origin Yjs takes parent and key from the neighbour, and the key is not written. Gives the length.
   */
  #readItem(info: number, client: number, clock: number): number {
    const reader = this.#reader
    if ((info & hasOrigin) !== 0) this.#readId(client, clock)
    if ((info & hasRightOrigin) !== 0) this.#readId(client, clock)
    if ((info & (hasOrigin | hasRightOrigin)) === 0) {
      this.#readParent(client, clock)
      if ((info & hasParentKey) !== 0) reader.text()
    }
    const kind = info & contentMask
    if (kind === subdocumentKind && ++this.#subdocuments > this.#limits.maxSubdocuments) {
      throw wrong.tooManySubdocuments
    }
    return skipContent(reader, kind, this.#limits.maxNesting)
  }

  #readParent(client: number, clock: number): void {
    const reader = this.#reader
    const isRoot = reader.uint()
    if (isRoot === 1) {
      const length = reader.uint()
      const from = reader.position
      reader.skip(length)
      reader.position = from
      reader.utf8(from + length)
      this.#rootNames.add(reader.bytes, from, from + length)
    } else if (isRoot === 0) {
      this.#readId(client, clock)
    } else {
      throw wrong.parentUnknown
    }
  }

  /**
   * An id that a struct refers to. Of its own client only earlier ids: Yjs looks for them at once,
   * without asking whether they are there, and throws.
   */
  #readId(ownClient: number, ownClock: number): void {
    const client = this.#reader.uint()
    const clock = this.#reader.uint()
    if (client === ownClient) {
      if (clock >= ownClock) throw wrong.refersAhead
    } else {
      if (clock >= this.#limits.maxClock) throw wrong.clockTooLarge
      this.references.add(client, clock)
    }
  }
}

/** A block takes its count, its client, its clock, and one struct. */
const minBlockBytes = 5
/** A struct takes at least its kind and its length. */
const minStructBytes = 2

const gcInfo = 0
const skipInfo = 10
const hasOrigin = 0x80
const hasRightOrigin = 0x40
const hasParentKey = 0x20
const contentMask = 0x1f
const subdocumentKind = 9
