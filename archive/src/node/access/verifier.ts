import type { Access, CollectionName, Parsed } from '@holdfast/peer/protocol'

/** What a token gives. */
export interface AccessGrant {
  /** Wall-clock milliseconds at which it ends; Infinity for ever. */
  readonly expiresAtMs: number
  /** Undefined: the collection is none of the bearer's business. */
  accessTo(collection: CollectionName): Access | undefined
}

/** Checks tokens. The signaller's verifier is one. */
export interface AccessVerifier {
  /** Never rejects for what the token is: that is a refusal. */
  verify(token: string): Promise<Parsed<AccessGrant>>
}
