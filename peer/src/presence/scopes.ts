import type { DocumentId, DocumentRef, InstanceId } from '../protocol/index.js'
import type { PresenceScope } from './presence-scope.js'

/** The collection's presence, and that of each document that is open here. */
export class Scopes {
  readonly collection: PresenceScope
  readonly #scopeById = new Map<DocumentId, PresenceScope>()

  constructor(collection: PresenceScope) {
    this.collection = collection
  }

  *[Symbol.iterator](): Iterator<PresenceScope> {
    yield this.collection
    yield* this.#scopeById.values()
  }

  /** That are open here. */
  get documents(): readonly DocumentRef[] {
    return [...this.#scopeById.values()].flatMap(({ document }) => document ?? [])
  }

  add(document: DocumentRef, scope: PresenceScope): void {
    this.#scopeById.set(document.id, scope)
  }

  /** Takes it away, and gives it back to be closed. */
  remove(id: DocumentId): PresenceScope | undefined {
    const scope = this.#scopeById.get(id)
    this.#scopeById.delete(id)
    return scope
  }

  /** Undefined: the collection's. */
  of(document: DocumentRef | undefined): PresenceScope | undefined {
    if (document === undefined) return this.collection
    const scope = this.#scopeById.get(document.id)
    return scope?.document?.generation === document.generation ? scope : undefined
  }

  shows(author: InstanceId): boolean {
    for (const scope of this) if (scope.authors.includes(author)) return true
    return false
  }
}
