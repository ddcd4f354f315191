import { isLoopback } from './ip.js'

export interface Openness {
  /** Where it listens. */
  readonly host: string
  /** What checks tokens, if anything does. */
  readonly tokens?: unknown
  /** Whether strangers were asked for by name. */
  readonly open?: boolean
}

/** Whether strangers would be served without a token, and nobody has asked for that. */
export function isOpenByAccident({ host, tokens, open }: Openness): boolean {
  return tokens === undefined && open !== true && !isLoopback(host)
}
