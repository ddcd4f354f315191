import type { ArchiveId, Coverage, DocumentId, OpHash, OpId } from '@holdfast/peer/protocol'
import type { AnswerRow, OpRow } from '../store/kept-rows.js'

/** An op that is owed to somebody, and what the archives have said of it. */
export interface OutboxOp extends OpRow {
  /** Not pushed before: its author has time to do so itself. 0 for own ones. */
  readonly dueAtMs: number
  readonly answers: ReadonlyMap<ArchiveId, AnswerRow>
  /** Of a carried one: what no archive's stream has brought yet. Not known after a restart. */
  readonly uncovered: Coverage | undefined
}

/**
 * What is owed, without the bytes: the store's tables in memory. Changed after the transaction that
 * changes those.
 */
export class Outbox {
  /** By key, ascending. */
  readonly #opByKey = new Map<number, OutboxOp>()
  readonly #keyByOp = new Map<string, number>()
  readonly #keyByHash = new Map<OpHash, number>()
  readonly #keysByDocument = new Map<DocumentId, Set<number>>()
  /** Own ops that no archive is known to have, or has refused; by document. */
  readonly #unarchivedById = new Map<DocumentId, number>()
  #unarchived = 0
  /** Committed, and the cursor has not passed them: looked at with every page. */
  readonly #answeredByArchive = new Map<ArchiveId, Set<number>>()

  constructor(ops: readonly OpRow[], answers: readonly AnswerRow[], dueAtMs: () => number) {
    for (const op of ops) this.add(op, op.isOwn ? 0 : dueAtMs(), undefined)
    for (const answer of answers) this.answer(answer)
  }

  get size(): number {
    return this.#opByKey.size
  }

  /** Own ops that no archive is known to have, or has refused; of one document, or of all. */
  unarchived(id?: DocumentId): number {
    return id === undefined ? this.#unarchived : (this.#unarchivedById.get(id) ?? 0)
  }

  all(): Iterable<OutboxOp> {
    return this.#opByKey.values()
  }

  get(key: number): OutboxOp | undefined {
    return this.#opByKey.get(key)
  }

  byOp(op: OpId): OutboxOp | undefined {
    const key = this.#keyByOp.get(nameOf(op))
    return key === undefined ? undefined : this.#opByKey.get(key)
  }

  byHash(hash: OpHash): OutboxOp | undefined {
    const key = this.#keyByHash.get(hash)
    return key === undefined ? undefined : this.#opByKey.get(key)
  }

  ofDocument(id: DocumentId): readonly OutboxOp[] {
    return this.#at(this.#keysByDocument.get(id) ?? [])
  }

  /** Documents of which something is owed. */
  documents(): Iterable<DocumentId> {
    return this.#keysByDocument.keys()
  }

  /** Committed at this archive, and the cursor has not passed them yet. */
  answered(archive: ArchiveId): readonly OutboxOp[] {
    return this.#at(this.#answeredByArchive.get(archive) ?? [])
  }

  /** Owed to this archive and not answered, oldest first. Gapped ones are among them. */
  *owed(archive: ArchiveId, after: number): Iterable<OutboxOp> {
    for (const op of this.#opByKey.values()) {
      if (op.key <= after) continue
      const answer = op.answers.get(archive)
      if (answer === undefined || answer.outcome === 'gapped') yield op
    }
  }

  add(op: OpRow, dueAtMs: number, uncovered: Coverage | undefined): void {
    this.#opByKey.set(op.key, { ...op, dueAtMs, uncovered, answers: new Map() })
    if (op.isOwn) this.#count(op.document.id, 1)
    this.#keyByOp.set(nameOf(op.op), op.key)
    if (op.hash !== undefined) this.#keyByHash.set(op.hash, op.key)
    const keys = this.#keysByDocument.get(op.document.id)
    if (keys === undefined) this.#keysByDocument.set(op.document.id, new Set([op.key]))
    else keys.add(op.key)
  }

  remove(key: number): void {
    const op = this.#opByKey.get(key)
    if (op === undefined) return
    this.#opByKey.delete(key)
    if (op.isOwn && isPending(op)) this.#count(op.document.id, -1)
    if (this.#keyByOp.get(nameOf(op.op)) === key) this.#keyByOp.delete(nameOf(op.op))
    if (op.hash !== undefined && this.#keyByHash.get(op.hash) === key) {
      this.#keyByHash.delete(op.hash)
    }
    const keys = this.#keysByDocument.get(op.document.id)
    keys?.delete(key)
    if (keys?.size === 0) this.#keysByDocument.delete(op.document.id)
    for (const answered of this.#answeredByArchive.values()) answered.delete(key)
  }

  answer(answer: AnswerRow): void {
    const op = this.#opByKey.get(answer.op)
    if (op === undefined) return
    this.#setAnswers(op, new Map([...op.answers, [answer.archive, answer]]))
    this.#answeredAt(answer.archive)[answer.outcome === 'committed' ? 'add' : 'delete'](op.key)
  }

  unanswer(key: number, archive: ArchiveId): void {
    const op = this.#opByKey.get(key)
    if (op === undefined) return
    const answers = new Map(op.answers)
    answers.delete(archive)
    this.#setAnswers(op, answers)
    this.#answeredAt(archive).delete(key)
  }

  setUncovered(key: number, uncovered: Coverage): void {
    const op = this.#opByKey.get(key)
    if (op !== undefined) this.#opByKey.set(key, { ...op, uncovered })
  }

  #setAnswers(op: OutboxOp, answers: OutboxOp['answers']): void {
    const changed = { ...op, answers }
    this.#opByKey.set(op.key, changed)
    const counts = Number(isPending(changed)) - Number(isPending(op))
    if (op.isOwn && counts !== 0) this.#count(op.document.id, counts)
  }

  #count(id: DocumentId, more: number): void {
    const count = this.unarchived(id) + more
    this.#unarchived += more
    if (count === 0) this.#unarchivedById.delete(id)
    else this.#unarchivedById.set(id, count)
  }

  #answeredAt(archive: ArchiveId): Set<number> {
    let keys = this.#answeredByArchive.get(archive)
    if (keys === undefined) this.#answeredByArchive.set(archive, (keys = new Set()))
    return keys
  }

  #at(keys: Iterable<number>): readonly OutboxOp[] {
    const ops: OutboxOp[] = []
    for (const key of keys) {
      const op = this.#opByKey.get(key)
      if (op !== undefined) ops.push(op)
    }
    return ops
  }
}

/** On an archive's disk, as far as any has said. */
export function isArchived({ answers }: OutboxOp): boolean {
  for (const { outcome } of answers.values()) {
    if (outcome === 'committed' || outcome === 'passed') return true
  }
  return false
}

/** No archive has it, and none has refused it: then it is among what is kept. */
function isPending(op: OutboxOp): boolean {
  if (isArchived(op)) return false
  for (const { outcome } of op.answers.values()) if (outcome === 'refused') return false
  return true
}

function nameOf({ instance, n }: OpId): string {
  return `${instance} ${n}`
}
