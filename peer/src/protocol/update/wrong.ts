import type { ErrorCode } from '../codes.js'
import { refuse, type Refused } from '../parsed.js'

/** What a reader in this folder throws when the bytes are wrong. It never leaves the folder. */
class Wrong extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, detail: string) {
    super(detail)
    this.code = code
  }
}

/**
 * All that can be wrong. Each is made once: garbage may come a million times, and the stack of a new
 * error costs many times what reading the garbage costs.
 */
export const wrong = {
  // Bytes that are nothing, or not all of it.
  endsTooEarly: malformed('ends too early'),
  bytesFollow: malformed('bytes follow the end'),
  countTooLarge: malformed('more declared than bytes are left'),
  numberTooLarge: malformed('a number is above 2^53'),
  numberTooLong: malformed('a number is not in its shortest form'),
  notUtf8: malformed('a text is not UTF-8'),
  notJson: malformed('a value is not JSON'),
  unknownValue: malformed('an unknown kind of value'),
  unknownStruct: malformed('an unknown kind of struct'),
  unknownType: malformed('an unknown kind of type'),
  unknownVersion: malformed('an unknown version of coverage'),
  parentUnknown: malformed('neither a root type nor a parent'),
  // What Yjs would read, and does not write.
  lengthZero: malformed('a struct or a range without length'),
  clientEmpty: malformed('a client of whom nothing is said'),
  clientTwice: malformed('a client in two places'),
  clientsNotOrdered: malformed('clients are not in order'),
  rangesNotAscending: malformed('ranges overlap, touch or descend'),
  refersAhead: malformed('a struct refers to itself or to its future'),
  optionsNoObject: malformed("a subdocument's options are not an object"),
  optionsHarmful: malformed('a subdocument sets what Yjs relies on'),
  // Beyond a limit.
  clockTooLarge: malformed('a clock is above the limit'),
  tooManyClients: tooLarge('too many clients'),
  tooManyWaitingClients: tooLarge('too many clients wait for what is not there'),
  tooManySubdocuments: tooLarge('too many subdocuments'),
  tooManyRootTypes: tooLarge('too many root types'),
  nestedTooDeeply: tooLarge('values are nested too deeply'),
} as const

/** The refusal for what a reader threw. Anything else that was thrown is our own bug and goes on. */
export function refusalOf(error: unknown): Refused {
  if (error instanceof Wrong) return refuse(error.code, error.message)
  throw error
}

function malformed(detail: string): Wrong {
  return new Wrong('malformed-update', detail)
}

function tooLarge(detail: string): Wrong {
  return new Wrong('op-too-large', detail)
}
