/** What the archive's port holds everybody to, before and around what is spoken on it. */
export interface ServerLimits {
  /** Sockets at a time, of both kinds together, and from one address. */
  readonly maxSockets: number
  readonly maxSocketsPerAddress: number
  /** Until a request is complete, and until keys have said what a token is worth. */
  readonly askMs: number
  /** From a close until the socket is cut off without waiting for the other side any longer. */
  readonly closeMs: number
  /** What a disk is given to take a few bytes before the archive says that it is not ready. */
  readonly diskMs: number
}

export const defaultServerLimits: ServerLimits = {
  // Some 20 KiB each when idle.
  maxSockets: 20_000,
  // An office or a campus behind one address; a proxy in front needs `trustedProxies`.
  maxSocketsPerAddress: 256,
  askMs: 10_000,
  closeMs: 2_000,
  // A disk that takes longer keeps every writer waiting as well.
  diskMs: 5_000,
}

/** The defaults with `given` on top. Throws a RangeError that names the limit which cannot hold. */
export function serverLimits(given: Partial<ServerLimits> = {}): ServerLimits {
  const limits = { ...defaultServerLimits, ...given }
  for (const [name, value] of Object.entries(limits)) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new RangeError(`${name} takes a whole number from 1, got ${value}`)
    }
  }
  return limits
}
