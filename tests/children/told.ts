/** What a process that will be killed tells whoever outlives it, as a line of JSON each. */
export type Told =
  /** The log is open, with this term. */
  | { readonly kind: 'ready'; readonly term: string }
  /** `onCommit` said that these entries are durable. */
  | {
      readonly kind: 'durable'
      readonly collection: string
      readonly entries: readonly (readonly [seq: number, document: string, hash: string])[]
    }
  /** `append` answered `committed`. */
  | {
      readonly kind: 'acknowledged'
      readonly collection: string
      readonly document: string
      readonly seq: number
      readonly added: boolean
      /** Fsyncs that had returned when the op was handed over, and when it was answered. */
      readonly syncs: readonly [before: number, after: number]
      /** In base64. */
      readonly bytes: string
    }
  | { readonly kind: 'compacted'; readonly removed: number }

/** The whole lines of what was told: the last may have been cut off by the death of the teller. */
export function linesOf(told: Buffer): readonly Told[] {
  const text = told.toString()
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Told)
}
