import type { Link } from '../ports/index.js'
import { frameBounds } from '../protocol/index.js'
import { laterLink, type LaterLink } from '../links/later-link.js'
import type { ArchiveDial } from './dial.js'

/**
 * Dials an archive that is in the room of a signaller. Links with it come about by themselves, sooner
 * or later; a dial before that gets one that waits.
 */
export class RoomDial {
  #voucher: string
  #waiting: LaterLink | undefined
  #ready: Link | undefined

  /** @param voucher the signaller's, for links with this archive */
  constructor(voucher: string) {
    this.#voucher = voucher
  }

  readonly dial: ArchiveDial = () => {
    const ready = this.#ready
    this.#ready = undefined
    if (ready !== undefined) return { link: ready, voucher: this.#voucher }
    this.#waiting = laterLink('webrtc', frameBounds.maxBytes)
    return { link: this.#waiting.link, voucher: this.#voucher }
  }

  /** A link stands. False: nobody waits for it, and the next dial gets it. */
  stands(link: Link, voucher: string): boolean {
    const waiting = this.#waiting
    this.#waiting = undefined
    // What was said over the waiting link bears the voucher of then.
    if (waiting?.isWaiting === true && voucher === this.#voucher) {
      waiting.stands(link)
      return true
    }
    waiting?.link.close('another one stands')
    this.#voucher = voucher
    this.#ready?.close('another one stands')
    this.#ready = link
    link.onClose(() => {
      if (this.#ready === link) this.#ready = undefined
    })
    return false
  }

  close(): void {
    this.#ready?.close()
    this.#ready = undefined
    this.#waiting = undefined
  }
}
