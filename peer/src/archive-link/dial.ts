import type { Link } from '../ports/index.js'

/**
 * Opens a link to an archive: a WebSocket, or a WebRTC link to a neighbour whom the signaller has
 * announced as one. Called anew for each attempt. If it throws, the attempt has failed.
 */
export type ArchiveDial = () => Dialled

export interface Dialled {
  readonly link: Link
  /** The secret of this link, where the signaller gave one: it is shown instead of a token. */
  readonly voucher?: string
}
