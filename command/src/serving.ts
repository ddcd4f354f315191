/** What every command that serves takes, so that it is called the same everywhere. */
import type { Flag, Given, Secret } from './spec.js'
import { present } from './values.js'

export const logLevels = ['silent', 'error', 'info', 'debug'] as const
export type LogLevel = (typeof logLevels)[number]

export const hostFlag: Flag = {
  name: 'host',
  value: 'ADDRESS',
  env: 'HOLDFAST_HOST',
  help: 'Where to listen',
  default: '127.0.0.1',
}

export const keyFlags: readonly Flag[] = [
  {
    name: 'secret-file',
    value: 'FILE',
    env: 'HOLDFAST_SECRET_FILE',
    help: 'Shared secret of HS256 tokens, at least 32 bytes',
  },
  {
    name: 'jwks',
    value: 'FILE|URL',
    env: 'HOLDFAST_JWKS',
    help: 'Public keys of asymmetric tokens',
  },
]

export const openFlag: Flag = {
  name: 'open',
  env: 'HOLDFAST_OPEN',
  help: 'Serve a public address without tokens: whoever reaches it has every right',
}

export const originFlags: readonly Flag[] = [
  {
    name: 'origin',
    value: 'ORIGIN',
    isList: true,
    env: 'HOLDFAST_ORIGINS',
    help: 'Web pages that may connect, such as https://*.example.org',
  },
  {
    name: 'trusted-proxies',
    value: 'N',
    env: 'HOLDFAST_TRUSTED_PROXIES',
    help: 'Own proxies in front that add to X-Forwarded-For',
    default: '0',
  },
]

export const logLevelFlag: Flag = {
  name: 'log-level',
  value: 'LEVEL',
  env: 'HOLDFAST_LOG_LEVEL',
  help: logLevels.join(', '),
  default: 'info',
}

export const secretOfTokens: Secret = {
  name: 'secret',
  env: 'HOLDFAST_SECRET',
  fileFlag: 'secret-file',
}

/** Where tokens get their keys from; undefined where nothing was said, and nobody needs a token. */
export async function keysOf(
  given: Given,
): Promise<{ readonly secret?: string; readonly jwks?: string } | undefined> {
  const keys = {
    ...present('secret', await given.secret('secret')),
    ...present('jwks', given.value('jwks')),
  }
  return Object.keys(keys).length > 0 ? keys : undefined
}
