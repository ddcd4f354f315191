/**
 * The answering end of a `Child`: what the process that began this one asks for over IPC is done, until
 * that one is gone.
 *
 * @param first says that this one is ready
 */
export function answerCommands(commands: object, first: unknown): void {
  const runs = commands as Readonly<Record<string, (...args: readonly unknown[]) => unknown>>
  process.on('message', (message) => {
    const { id, name, args } = message as { id: number; name: string; args: unknown[] }
    void (async () => {
      try {
        process.send?.({ id, value: await runs[name]?.(...args) })
      } catch (error) {
        process.send?.({ id, error: error instanceof Error ? error.message : String(error) })
      }
    })()
  })
  process.on('disconnect', () => process.exit(0))
  process.send?.(first)
}
