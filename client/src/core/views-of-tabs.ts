/**
 * Documents that other tabs have open, as presence sees them. A document has one scope: the one of
 * the Y.Doc that is open in this tab; while none is, one that shows nothing of itself and passes on
 * what the tabs show.
 */
import { keyOf, type Presence } from '@holdfast/peer'
import type { Random } from '@holdfast/peer/ports'
import type { DocumentRef, InstanceId } from '@holdfast/peer/protocol'
import * as Y from 'yjs'

export class ViewsOfTabs {
  readonly #presence: Presence
  readonly #random: Random
  readonly #viewByKey = new Map<string, View>()
  /** Tabs that are linked with this one; one by two lines, while it changes them. */
  readonly #links = new Set<{ readonly tab: InstanceId }>()

  constructor(presence: Presence, random: Random) {
    this.#presence = presence
    this.#random = random
  }

  get documents(): readonly DocumentRef[] {
    return [...this.#viewByKey.values()].map(({ document }) => document)
  }

  link(tab: InstanceId): () => void {
    const link = { tab }
    this.#links.add(link)
    return () => this.#links.delete(link)
  }

  isTab(instance: InstanceId): boolean {
    return [...this.#links].some(({ tab }) => tab === instance)
  }

  /** One more tab has it open. The undo is told, as this is, whether it is open here. */
  open(document: DocumentRef, isShownHere: boolean): (isShownHere: boolean) => void {
    const key = keyOf(document)
    const view = this.#viewByKey.get(key) ?? { document, count: 0, doc: undefined }
    view.count++
    this.#viewByKey.set(key, view)
    if (!isShownHere) this.#show(view)
    let isOpen = true
    return (isShownNow) => {
      if (!isOpen) return
      isOpen = false
      view.count--
      if (view.count > 0) return
      this.#viewByKey.delete(key)
      if (!isShownNow) this.#presence.close(document.id)
      view.doc?.destroy()
    }
  }

  /** It is not open here any more. */
  hidden(document: DocumentRef): void {
    const view = this.#viewByKey.get(keyOf(document))
    if (view !== undefined) this.#show(view)
  }

  #show(view: View): void {
    if (view.doc === undefined) {
      view.doc = new Y.Doc()
      view.doc.clientID = this.#random.uint32()
    }
    this.#presence.open(view.document, view.doc).setLocalState(null)
  }
}

interface View {
  readonly document: DocumentRef
  count: number
  /** Lends the scope a client id. */
  doc: Y.Doc | undefined
}
