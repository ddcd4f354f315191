import { accept, refuse, type Parsed } from './parsed.js'

/**
 * The version of messages and frames that this code speaks. Whatever changes a byte on the wire, a
 * new message or a new code included, raises it. The start of `hello` is the same in all versions.
 */
export const protocolVersion = 1

/** The oldest version that this code can still speak. */
export const oldestVersion = 1

/**
 * The version that a link speaks after both sides have said `hello`: the lower of the two. Refused
 * if this side no longer speaks that one; the other side decides by the same rule.
 */
export function versionOfLink(theirs: number): Parsed<number> {
  const spoken = Math.min(protocolVersion, theirs)
  return spoken >= oldestVersion
    ? accept(spoken)
    : refuse('unsupported-version', `version ${oldestVersion} is the oldest spoken here`)
}
