export interface Extent {
  /** Fewer clients, edits and seconds: to see that it runs. */
  readonly quick: boolean
}
