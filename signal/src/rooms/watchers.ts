import type { CollectionName } from '@holdfast/peer/protocol'

/** Whoever is told of rooms: an archive's socket. */
export interface Watcher {
  /** Somebody is in this room now, or nobody is any more. */
  changed(collection: CollectionName): void
}

/** Everybody who is told which rooms there are; few, as an archive needs one socket for it. */
export class Watchers {
  readonly #most: number
  readonly #watchers = new Set<Watcher>()

  constructor(most: number) {
    this.#most = most
  }

  /** False: there are enough. */
  add(watcher: Watcher): boolean {
    if (this.#watchers.has(watcher)) return true
    if (this.#watchers.size >= this.#most) return false
    this.#watchers.add(watcher)
    return true
  }

  delete(watcher: Watcher): void {
    this.#watchers.delete(watcher)
  }

  changed(collection: CollectionName): void {
    for (const watcher of this.#watchers) watcher.changed(collection)
  }
}
