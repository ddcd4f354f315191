/** Where the command line speaks, so that tests can listen. */
export interface Terminal {
  /** A person is watching a screen that can be redrawn; otherwise it is a log. */
  readonly isLive: boolean
  readonly hasColours: boolean
  readonly columns: number
  readonly rows: number
  write(text: string): void
  writeError(text: string): void
  /** Lets real time pass, in milliseconds. */
  sleep(ms: number): Promise<void>
}

/** The terminal that this process was started from. */
export function processTerminal(): Terminal {
  const { stdout, stderr, env } = process
  // `| head` has seen enough: that is no failure.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(0)
  })
  const isLive = stdout.isTTY && env['TERM'] !== 'dumb'
  return {
    isLive,
    hasColours: isLive && (env['NO_COLOR'] ?? '') === '',
    // Read anew each time: windows change their size.
    get columns() {
      return stdout.columns ?? 80
    },
    get rows() {
      return stdout.rows ?? 24
    },
    write: (text) => void stdout.write(text),
    writeError: (text) => void stderr.write(text),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  }
}
