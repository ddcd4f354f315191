/**
 * Whether `name` is one that `glob` means. `*` stands for any characters, also none, also `/`;
 * everything else stands for itself. Two places and one step back: a pattern can never make it slow.
 */
export function matchesGlob(glob: string, name: string): boolean {
  let g = 0
  let n = 0
  let starAt = -1
  let resumeAt = 0
  while (n < name.length) {
    if (g < glob.length && glob[g] === '*') {
      starAt = g++
      resumeAt = n
    } else if (g < glob.length && glob[g] === name[n]) {
      g++
      n++
    } else if (starAt >= 0) {
      // The last star takes one character more.
      g = starAt + 1
      n = ++resumeAt
    } else {
      return false
    }
  }
  while (g < glob.length && glob[g] === '*') g++
  return g === glob.length
}
