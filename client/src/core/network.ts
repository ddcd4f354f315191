/** What an owner is linked over: given as a whole, and the same for all of its collections. */
import type { Dial, HandshakeGate, LinkDialer, TokenProvider } from '@holdfast/peer'
import type { ArchiveDial } from '../archive/index.js'

export interface Network {
  /** How the signaller is dialled; undefined: there is no mesh. */
  readonly signal: Dial | undefined
  /** Direct links; undefined: only relays. */
  readonly dialer: LinkDialer | undefined
  readonly gate: HandshakeGate
  /** Whether frames may go through the signaller while there is no direct link. */
  readonly relay: boolean
  readonly archives: readonly ArchiveAddress[]
  /** Whether archives that the signaller names are used. */
  readonly takesRoomArchives: boolean
  readonly token: TokenProvider | undefined
}

export interface ArchiveAddress {
  /** As the app gave it; shown, and never dialled. */
  readonly url: string
  readonly dial: ArchiveDial
}
