/**
 * Where a library says things that no caller is waiting for. `error` means that a developer should
 * go and look; `info` is for operators; `debug` for whoever hunts a fault. There is no `warn`.
 * Never give it tokens, document contents or presence.
 */
export interface Logger {
  error(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  debug(message: string, fields?: LogFields): void
}

export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>

/** Says nothing. */
export const silentLogger: Logger = { error: () => {}, info: () => {}, debug: () => {} }
