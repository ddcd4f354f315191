/** ` Did you mean 'x'?` if one of the known words is a slip of the finger away; else nothing. */
export function suggestion(word: string, known: Iterable<string>): string {
  let nearest: string | undefined
  // Two slips; of a two-letter word one.
  let least = Math.min(maxSlips, word.length - 1)
  for (const candidate of known) {
    const distance = distanceOf(word.toLowerCase(), candidate.toLowerCase())
    if (distance > least || (distance === least && nearest !== undefined)) continue
    nearest = candidate
    least = distance
  }
  return nearest === undefined ? '' : ` Did you mean '${printable(nearest)}'?`
}

/** What was typed or stored may hold anything; a terminal must not be told to do it. */
export function printable(word: string): string {
  const shown = word.replaceAll(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, '?')
  return shown.length > maxShown ? `${shown.slice(0, maxShown)}…` : shown
}

const maxSlips = 2
const maxShown = 80

/** Letters to add, drop or change to get from one to the other. */
function distanceOf(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > maxSlips) return Infinity
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? Infinity
}
