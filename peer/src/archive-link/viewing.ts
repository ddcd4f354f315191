import { messageBounds, type DocumentRef } from '../protocol/index.js'
import type { Sender } from './sender.js'

/**
 * Which documents are open here. An archive passes on presence of those alone, so it is told the
 * whole list at the beginning of each session and what changes afterwards.
 */
export class Viewing {
  #documents = new Map<string, DocumentRef>()
  #sender: Sender | undefined

  set(documents: readonly DocumentRef[]): void {
    const next = new Map(documents.map((document) => [keyOf(document), document]))
    const opened = [...next].filter(([key]) => !this.#documents.has(key)).map(([, one]) => one)
    const closed = [...this.#documents].filter(([key]) => !next.has(key)).map(([, one]) => one)
    this.#documents = next
    this.#tell(opened, closed)
  }

  /** A session begins, or (undefined) has ended. */
  attach(sender: Sender | undefined): void {
    this.#sender = sender
    this.#tell([...this.#documents.values()], [])
  }

  #tell(opened: readonly DocumentRef[], closed: readonly DocumentRef[]): void {
    const most = messageBounds.maxViewed
    for (let at = 0; at < Math.max(opened.length, closed.length); at += most) {
      this.#sender?.say({
        type: 'viewing',
        opened: opened.slice(at, at + most),
        closed: closed.slice(at, at + most),
      })
    }
  }
}

function keyOf({ id, generation }: DocumentRef): string {
  return `${generation} ${id}`
}
