/** Milliseconds since the epoch as ISO 8601, to the millisecond. */
export function isoOf(ms: number): string {
  return new Date(ms).toISOString()
}
