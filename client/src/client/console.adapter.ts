/** Where a developer looks first. */
export function sayOnConsole(message: string, about: unknown): void {
  console.error(message, about)
}
