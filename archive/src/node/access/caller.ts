import type { Access, InstanceId } from '@holdfast/peer/protocol'

/** What is known of the one at the other end of a link before it has said a word. */
export interface Caller {
  /** For logs. Never a reason to believe anything. */
  readonly address?: string
  /** Whom a signaller announced, where the link came about through one. */
  readonly announced?: Announced
}

/** The signaller's word: this instance, with this access, will show this secret. */
export interface Announced {
  readonly instance: InstanceId
  readonly access: Access
  /** 32 lower-case hex digits, as `hello` carries it. */
  readonly voucher: string
}
