/** One line of what the doctor says. */
export interface Finding {
  /** `warn`: it works, and somebody should know. `fail`: it does not. */
  readonly level: 'ok' | 'warn' | 'fail'
  readonly subject: string
  readonly said: string
  /** What to do about it. */
  readonly advice?: string
}

export function ok(subject: string, said: string): Finding {
  return { level: 'ok', subject, said }
}

export function warn(subject: string, said: string, advice: string): Finding {
  return { level: 'warn', subject, said, advice }
}

export function fail(subject: string, said: string, advice: string): Finding {
  return { level: 'fail', subject, said, advice }
}

/** What went wrong, in a line. */
export function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? ''
}
