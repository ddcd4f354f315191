/** What fits a terminal that nobody has made wider. */
export const columns = 100

/** Words in lines of at most so many columns; a word that is longer has a line of its own. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = []
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) {
      lines[lines.length - 1] = `${last} ${word}`
    } else lines.push(word)
  }
  return lines
}

/** Paragraphs anew; lines that are indented stay as they are. */
export function reflow(text: string): string {
  return text
    .split('\n\n')
    .map((part) => (/^ /m.test(part) ? part : wrap(part, columns).join('\n')))
    .join('\n\n')
}
