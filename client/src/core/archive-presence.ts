/**
 * Presence by way of an archive, for those without a direct link: the archive is a neighbour that
 * passes on what this side shows, and tells whose it is what it passes back.
 */
import type { Presence, PresenceLink } from '@holdfast/peer'
import type { DocumentRef, InstanceId, Message } from '@holdfast/peer/protocol'
import type { ArchiveConnection } from '../archive/index.js'

export class ArchivePresence {
  readonly #connection: ArchiveConnection
  readonly #presence: Presence
  readonly #self: InstanceId
  readonly #documents: () => readonly DocumentRef[]
  readonly #isTab: (instance: InstanceId) => boolean
  #link: PresenceLink | undefined

  constructor(
    connection: ArchiveConnection,
    presence: Presence,
    self: InstanceId,
    documents: () => readonly DocumentRef[],
    isTab: (instance: InstanceId) => boolean,
  ) {
    this.#connection = connection
    this.#presence = presence
    this.#self = self
    this.#documents = documents
    this.#isTab = isTab
    connection.onPresence(({ document, from, bytes }) => {
      if (this.#link === undefined) return
      presence.heard(this.#link, {
        type: 'presence',
        ...(document === undefined ? {} : { document }),
        ...(from === undefined ? {} : { from }),
        bytes,
      })
    })
  }

  /** The connection has entered another state. */
  stateChanged(): void {
    const { phase } = this.#connection.state
    const isUp = phase === 'resyncing' || phase === 'catching-up' || phase === 'live'
    if (isUp && this.#link === undefined) this.#open()
    else if (!isUp) this.close('broken')
  }

  /** Other documents are open here. */
  documentsChanged(): void {
    const documents = this.#documents()
    this.#connection.setViewing(documents)
    if (this.#link !== undefined) this.#view(this.#link, documents)
  }

  close(why: 'left' | 'broken' = 'left'): void {
    if (this.#link === undefined) return
    this.#presence.closed(this.#link, why)
    this.#link = undefined
  }

  #open(): void {
    const { archive } = this.#connection
    if (archive === undefined) return
    const link: PresenceLink = {
      // An archive has no instance; its id is as unique as one.
      instance: archive as string as InstanceId,
      send: (message) => this.#send(message),
    }
    this.#link = link
    this.#presence.opened(link)
    this.#view(link, this.#documents())
  }

  /** Whatever is open here may be somebody's who is not linked. What is viewed already costs nothing. */
  #view(link: PresenceLink, documents: readonly DocumentRef[]): void {
    this.#presence.heard(link, { type: 'viewing', opened: [...documents], closed: [] })
  }

  /**
   * The archive takes from each only its own; who views what it is told by the connection. What other
   * tabs of this app show goes as ours: they have no link of their own. That one of them is gone is
   * not said so, for it would mean us: it withdraws what it showed, or that expires.
   */
  #send(message: Message): boolean {
    if (message.type !== 'presence') return true
    const { from } = message
    if (from !== undefined && from !== this.#self) {
      if (!this.#isTab(from) || message.bytes.byteLength === 0) return true
    }
    return this.#connection.sendPresence(message.document, message.bytes)
  }
}
