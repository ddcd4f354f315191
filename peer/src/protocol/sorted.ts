/**
 * What is in `items`, sorted, in an array of its own. Hermes, the engine of React Native, has no
 * `toSorted`.
 */
export function sorted<T>(items: Iterable<T>, compare?: (a: T, b: T) => number): T[] {
  // The copy is sorted: nobody else has it.
  // oxlint-disable-next-line unicorn/no-array-sort
  return [...items].sort(compare)
}
