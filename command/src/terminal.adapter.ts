/** Where the command speaks, so that tests can listen. */
export interface Terminal {
  /** A person is watching progress on a screen that can be redrawn; otherwise it is a log. */
  readonly isLive: boolean
  /** The result goes to a screen that can be redrawn. */
  readonly isScreen: boolean
  readonly hasColours: boolean
  /** Of the window, as it is now. */
  readonly columns: number
  readonly rows: number
  /** The result. */
  write(text: string): void
  /** Progress, and what went wrong. */
  writeError(text: string): void
  /** Calls `listener` when the person wants it to stop. Returns its undo. */
  onInterrupt(listener: () => void): () => void
}

/** The terminal that this process was started from. */
export function processTerminal(): Terminal {
  const { stdout, stderr, env } = process
  // Whoever pipes the result away closes it when there is enough: that is no failure.
  stdout.on('error', (error: Error & { code?: string }) => {
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
  const canRedraw = env['TERM'] !== 'dumb'
  return {
    isLive: stderr.isTTY && canRedraw,
    isScreen: stdout.isTTY && canRedraw,
    hasColours: stdout.isTTY && canRedraw && (env['NO_COLOR'] ?? '') === '',
    // Terminals that do not know say 0.
    get columns() {
      return [stdout.columns, stderr.columns].find((columns) => columns > 0) ?? 80
    },
    get rows() {
      return stdout.rows > 0 ? stdout.rows : 24
    },
    write: (text) => void stdout.write(text),
    writeError: (text) => void stderr.write(text),
    onInterrupt(listener) {
      const signals = ['SIGINT', 'SIGTERM'] as const
      // Once: a second one ends the process, should stopping take too long.
      for (const signal of signals) process.once(signal, listener)
      return () => {
        for (const signal of signals) process.off(signal, listener)
      }
    },
  }
}
