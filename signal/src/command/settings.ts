/** The settings of `holdfast-signal`: what they are called, what they mean, what they come to. */
import { SignalError } from '../errors.js'
import type { IceOptions } from '../ice.js'
import { defaultSignalLimits, type SignalLimits } from '../limits.js'
import type { SignalServerOptions } from '../options.js'
import { describeFlags, type Flags, type FlagSpec } from './flags.js'

export const serveFlags: Readonly<Record<string, FlagSpec>> = {
  host: {
    flag: 'host',
    env: 'HOLDFAST_HOST',
    kind: 'text',
    value: 'ADDRESS',
    help: 'Where to listen. Default: 127.0.0.1',
  },
  port: {
    flag: 'port',
    env: 'HOLDFAST_PORT',
    kind: 'text',
    value: 'N',
    help: 'Default: 4440. 0 takes a free one',
  },
  secretFile: {
    flag: 'secret-file',
    env: 'HOLDFAST_SECRET_FILE',
    kind: 'text',
    value: 'FILE',
    help: 'Shared secret of HS256 tokens, at least 32 bytes',
  },
  secret: { env: 'HOLDFAST_SECRET', kind: 'text', help: 'The same, straight from the environment' },
  jwks: {
    flag: 'jwks',
    env: 'HOLDFAST_JWKS',
    kind: 'text',
    value: 'FILE|URL',
    help: 'Public keys of asymmetric tokens',
  },
  open: {
    flag: 'open',
    env: 'HOLDFAST_OPEN',
    kind: 'switch',
    help: 'Serve a public address without tokens: whoever reaches it has every right',
  },
  origins: {
    flag: 'origin',
    env: 'HOLDFAST_ORIGINS',
    kind: 'list',
    value: 'ORIGIN',
    help: 'Web pages that may connect, such as https://*.example.org. Repeatable',
  },
  path: {
    flag: 'path',
    env: 'HOLDFAST_PATH',
    kind: 'text',
    value: 'PATH',
    help: 'Where peers connect. Default: /signal',
  },
  yWebrtcPath: {
    flag: 'y-webrtc-path',
    env: 'HOLDFAST_Y_WEBRTC_PATH',
    kind: 'text',
    value: 'PATH',
    help: 'Where y-webrtc clients connect. Default: /y-webrtc; "off": nowhere',
  },
  trustedProxies: {
    flag: 'trusted-proxies',
    env: 'HOLDFAST_TRUSTED_PROXIES',
    kind: 'text',
    value: 'N',
    help: 'Own proxies in front that add to X-Forwarded-For. Default: 0',
  },
  stun: {
    flag: 'stun',
    env: 'HOLDFAST_STUN',
    kind: 'list',
    value: 'URL',
    help: 'STUN server for peers. Repeatable',
  },
  turn: {
    flag: 'turn',
    env: 'HOLDFAST_TURN',
    kind: 'list',
    value: 'URL',
    help: 'TURN server for peers (coturn with use-auth-secret). Repeatable',
  },
  turnSecretFile: {
    flag: 'turn-secret-file',
    env: 'HOLDFAST_TURN_SECRET_FILE',
    kind: 'text',
    value: 'FILE',
    help: "coturn's static-auth-secret",
  },
  turnSecret: {
    env: 'HOLDFAST_TURN_SECRET',
    kind: 'text',
    help: 'The same, straight from the environment',
  },
  turnTtlSeconds: {
    flag: 'turn-ttl',
    env: 'HOLDFAST_TURN_TTL',
    kind: 'text',
    value: 'SECONDS',
    help: 'How long TURN credentials are good for. Default: 3600',
  },
  noRelay: {
    flag: 'no-relay',
    env: 'HOLDFAST_NO_RELAY',
    kind: 'switch',
    help: 'Do not relay frames between peers that cannot connect',
  },
  limits: {
    flag: 'limit',
    env: 'HOLDFAST_LIMITS',
    kind: 'list',
    value: 'NAME=N',
    help: 'One of the limits below. Repeatable',
  },
  logLevel: {
    flag: 'log-level',
    env: 'HOLDFAST_LOG_LEVEL',
    kind: 'text',
    value: 'LEVEL',
    help: 'silent, error, info or debug. Default: info',
  },
  help: { flag: 'help', kind: 'switch', help: 'This text' },
}

export const tokenFlags: Readonly<Record<string, FlagSpec>> = {
  collections: {
    flag: 'collection',
    kind: 'list',
    value: 'GLOB=ACCESS',
    help: "Such as 'notes/*=write'; read, write or admin. Repeatable",
  },
  expires: {
    flag: 'expires',
    kind: 'text',
    value: 'TIME',
    help: 'How long from now: 90s, 15m, 12h or 30d. Default: 1h',
  },
  subject: { flag: 'subject', kind: 'text', value: 'NAME', help: 'Whose it is, for logs' },
  secretFile: serveFlags['secretFile'] as FlagSpec,
  secret: serveFlags['secret'] as FlagSpec,
  help: serveFlags['help'] as FlagSpec,
}

export const helpText = `holdfast-signal: Holdfast's signalling server

  holdfast-signal [flags]          serve until SIGTERM or SIGINT, then drain
  holdfast-signal token [flags]    print a token for clients

${describeFlags(serveFlags)}

token:
${describeFlags(tokenFlags)}

Limits and their defaults:
${Object.entries(defaultSignalLimits)
  .map(([name, value]) => `  ${name.padEnd(26)} ${value}`)
  .join('\n')}
`

export type LogLevel = 'silent' | 'error' | 'info' | 'debug'

export function logLevelOf(flags: Flags): LogLevel {
  const level = flags.text('logLevel') ?? 'info'
  if (level === 'silent' || level === 'error' || level === 'info' || level === 'debug') return level
  throw new SignalError('bad-option', `log-level takes silent, error, info or debug, got ${level}`)
}

/** Everything but the keys, which have to be read first. Throws a SignalError. */
export function serverOptionsOf(flags: Flags, turnSecret: string | undefined): SignalServerOptions {
  const origins = flags.list('origins')
  const yWebrtcPath = flags.text('yWebrtcPath')
  return {
    ...present('host', flags.text('host')),
    ...present('port', flags.number('port')),
    ...present('path', flags.text('path')),
    ...present('yWebrtcPath', yWebrtcPath === 'off' ? (false as const) : yWebrtcPath),
    ...present('origins', origins),
    ...present('trustedProxies', flags.number('trustedProxies')),
    open: flags.isOn('open'),
    relay: !flags.isOn('noRelay'),
    ice: iceOf(flags, turnSecret),
    limits: limitsOf(flags.list('limits') ?? []),
    processMetrics: true,
  }
}

/** `90s`, `15m`, `12h`, `30d` in milliseconds. */
export function durationMsOf(text: string): number {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  if (count === undefined || unit === undefined) {
    throw new SignalError('bad-option', `expires takes 90s, 15m, 12h or 30d, got ${text}`)
  }
  return Number(count) * (msByUnit[unit] as number)
}

/** `notes/*=write` and the like as the claim of a token. The access itself is checked when minted. */
export function accessByGlobOf(items: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    items.map((item) => {
      const at = item.lastIndexOf('=')
      if (at < 1) throw new SignalError('bad-option', `collection takes GLOB=ACCESS, got ${item}`)
      return [item.slice(0, at), item.slice(at + 1)]
    }),
  )
}

function iceOf(flags: Flags, secret: string | undefined): IceOptions {
  const stun = flags.list('stun')
  const urls = flags.list('turn')
  if (urls !== undefined && secret === undefined) {
    throw new SignalError('bad-option', 'turn needs turn-secret-file or HOLDFAST_TURN_SECRET')
  }
  const ttlSeconds = flags.number('turnTtlSeconds')
  const ttl = ttlSeconds === undefined ? {} : { ttlMs: ttlSeconds * 1000 }
  return {
    servers: stun === undefined ? [] : [{ urls: stun }],
    ...(urls === undefined || secret === undefined ? {} : { turn: { urls, secret, ...ttl } }),
  }
}

function limitsOf(items: readonly string[]): Partial<SignalLimits> {
  return Object.fromEntries(
    items.map((item) => {
      const [name = '', value] = item.split('=', 2)
      if (!Object.hasOwn(defaultSignalLimits, name)) {
        throw new SignalError('bad-option', `limit: there is none called ${name}`)
      }
      return [name, Number(value)]
    }),
  )
}

function present<Name extends string, T>(
  name: Name,
  value: T | undefined,
): { readonly [K in Name]?: T } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [K in Name]: T })
}

const msByUnit: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 60 * 60_000,
  d: 24 * 60 * 60_000,
}
