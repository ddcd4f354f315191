/** Structured logs: one JSON object a line on standard output. */
import type { Logger } from '@holdfast/peer/ports'
import { pino, type Level } from 'pino'

/** A Logger that writes by `pino`. Whoever logs keeps tokens and payloads out of the fields. */
export function pinoLogger(level: Level | 'silent'): Logger {
  const log = pino({ name: 'holdfast-archive', level, base: {} })
  return {
    error: (message, fields) => log.error(fields ?? {}, message),
    info: (message, fields) => log.info(fields ?? {}, message),
    debug: (message, fields) => log.debug(fields ?? {}, message),
  }
}
