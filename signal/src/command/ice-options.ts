/** STUN and TURN, as every command takes them that tells peers where these are. */
import { Mistake, present, wholeOf, type Flag, type Given, type Secret } from '@holdfast/command'
import type { IceOptions } from '../ice.js'

export const iceFlags: readonly Flag[] = [
  {
    name: 'stun',
    value: 'URL',
    isList: true,
    env: 'HOLDFAST_STUN',
    help: 'STUN server for peers',
  },
  {
    name: 'turn',
    value: 'URL',
    isList: true,
    env: 'HOLDFAST_TURN',
    help: 'TURN server for peers (coturn with use-auth-secret)',
  },
  {
    name: 'turn-secret-file',
    value: 'FILE',
    env: 'HOLDFAST_TURN_SECRET_FILE',
    help: "coturn's static-auth-secret",
  },
  {
    name: 'turn-ttl',
    value: 'SECONDS',
    env: 'HOLDFAST_TURN_TTL',
    help: 'How long TURN credentials are good for',
    default: '3600',
  },
]

export const secretOfTurn: Secret = {
  name: 'turn-secret',
  env: 'HOLDFAST_TURN_SECRET',
  fileFlag: 'turn-secret-file',
}

/** Throws a `Mistake` if TURN has no secret. */
export async function iceOf(given: Given): Promise<IceOptions> {
  const stun = given.list('stun')
  const urls = given.list('turn')
  const secret = await given.secret('turn-secret')
  if (urls !== undefined && secret === undefined) {
    throw new Mistake(
      `${given.nameOf('turn')} needs --turn-secret-file FILE or HOLDFAST_TURN_SECRET.`,
    )
  }
  const ttlSeconds = wholeOf(given, 'turn-ttl')
  const ttlMs = ttlSeconds === undefined ? undefined : ttlSeconds * 1000
  return {
    servers: stun === undefined ? [] : [{ urls: stun }],
    ...(urls === undefined || secret === undefined
      ? {}
      : { turn: { urls, secret, ...present('ttlMs', ttlMs) } }),
  }
}
