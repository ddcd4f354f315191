/*
 * What two neighbours say through the signaller, as text:
 *
 *   s:1f3a9c02:{"type":"offer",…}   signals of this attempt, a line each
 *   x:1f3a9c02                      this attempt is given up here
 *   c                               "call me": from the one who may not call itself
 *
 * An attempt is named by the caller, so that what comes late from an older one is known for it.
 */

export type SignalWord =
  | { readonly kind: 'signal'; readonly attempt: string; readonly data: string }
  | { readonly kind: 'give-up'; readonly attempt: string }
  | { readonly kind: 'call' }

export function encodeSignalWord(word: SignalWord): string {
  switch (word.kind) {
    case 'signal':
      return `s:${word.attempt}:${word.data}`
    case 'give-up':
      return `x:${word.attempt}`
    default:
      return 'c'
  }
}

/** Undefined for what is none of these. */
export function parseSignalWord(text: string): SignalWord | undefined {
  if (text === 'c') return { kind: 'call' }
  const attempt = text.slice(2, 10)
  if (!/^[0-9a-f]{8}$/.test(attempt)) return undefined
  if (text.startsWith('x:') && text.length === 10) return { kind: 'give-up', attempt }
  if (text.startsWith('s:') && text[10] === ':') {
    return { kind: 'signal', attempt, data: text.slice(11) }
  }
  return undefined
}
