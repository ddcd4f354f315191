import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { parseCollectionName, type Access } from '@holdfast/peer/protocol'
import { VirtualClock } from '@holdfast/peer/testing'
import { createTokenVerifier, mintToken, type TokenVerifier } from '@holdfast/signal'
import { TestSignaller, taken } from './switchboard.js'

const secret = 'a secret of thirty-two bytes or more'
const hour = 3_600_000

describe('a minted token', () => {
  test('[SIG-11] gives what it was minted for until it ends, and nothing else', async () => {
    const clock = new VirtualClock()
    const verifier = await createTokenVerifier({ secret }, clock)
    const token = await mintToken(
      {
        secret,
        access: { 'notes/*': 'write', 'notes/private*': 'read', '*': 'read' },
        expiresInMs: hour,
      },
      clock,
    )
    const grant = taken(await verifier.verify(token))
    expect(grant.expiresAtMs).toBe(Math.ceil((clock.now() + hour) / 1000) * 1000)
    expect(access(grant, 'notes/1')).toBe('write')
    // Where several globs mean a collection, the most counts.
    expect(access(grant, 'notes/private/1')).toBe('write')
    expect(access(grant, 'drawings')).toBe('read')
    await clock.run(hour + 1_000)
    expect(await verifier.verify(token)).toMatchObject({ refusal: { code: 'token-expired' } })
  })

  test('[SIG-11] globs: a star stands for any characters, everything else for itself', async () => {
    const clock = new VirtualClock()
    const verifier = await createTokenVerifier({ secret }, clock)
    const cases: readonly (readonly [string, string, boolean])[] = [
      ['notes', 'notes', true],
      ['notes', 'notes/1', false],
      ['notes/*', 'notes/', true],
      ['notes/*', 'notes', false],
      ['*/1', 'a/b/1', true],
      ['a*b*c', 'a-b-b-c', true],
      ['a*b*c', 'a-c-b', false],
      ['a.c', 'abc', false],
      ['*', 'anything at all', true],
      ['**', 'x', true],
      ['a*', 'b', false],
      ['*a'.repeat(60), 'a'.repeat(127), true],
      [`${'a*'.repeat(60)}b`, 'a'.repeat(127), false],
    ]
    for (const [glob, collection, isMeant] of cases) {
      const token = await mintToken(
        { secret, access: { [glob]: 'read' }, expiresInMs: hour },
        clock,
      )
      const grant = taken(await verifier.verify(token))
      expect({ glob, collection, isMeant: access(grant, collection) === 'read' }).toEqual({
        glob,
        collection,
        isMeant,
      })
    }
  })

  test('[SIG-11] is not made for what cannot hold', async () => {
    const clock = new VirtualClock()
    const mint = (change: object) =>
      mintToken({ secret, access: { a: 'read' }, expiresInMs: hour, ...change }, clock)
    await expect(mint({ secret: 'short' })).rejects.toMatchObject({ code: 'bad-option' })
    await expect(mint({ expiresInMs: 0 })).rejects.toMatchObject({ code: 'bad-option' })
    await expect(mint({ access: { a: 'own' } })).rejects.toMatchObject({ code: 'bad-option' })
  })
})

describe('a token', () => {
  test('[SIG-11] that is forged, unsigned, of another kind or no token at all is refused', async () => {
    const clock = new VirtualClock()
    const verifier = await createTokenVerifier({ secret }, clock)
    const good = await mintToken({ secret, access: { '*': 'admin' }, expiresInMs: hour }, clock)
    const other = await mintToken(
      { secret: secret.toUpperCase(), access: { '*': 'admin' }, expiresInMs: hour },
      clock,
    )
    const [header = '', claims = '', signature = ''] = good.split('.')
    const unsigned = `${encoded({ alg: 'none' })}.${claims}.`
    const raised = `${header}.${encoded({ holdfast: { '*': 'admin' }, exp: 9e9 })}.${signature}`
    for (const token of [
      other,
      unsigned,
      raised,
      `${good}x`,
      '',
      '..',
      'a.b.c',
      'x'.repeat(8_000),
    ]) {
      expect(await verifier.verify(token)).toMatchObject({ refusal: { code: 'unauthenticated' } })
    }
    expect(await verifier.verify(good)).toMatchObject({ ok: true })
  })

  test('[SIG-11] with claims that do not hold is refused', async () => {
    const clock = new VirtualClock()
    const verifier = await createTokenVerifier({ secret }, clock)
    const nowS = clock.now() / 1000
    const holdfast = { a: 'read' }
    const exp = nowS + 100
    const cases: readonly (readonly [unknown, string])[] = [
      [{ holdfast }, 'unauthenticated'],
      [{ holdfast, exp: 'never' }, 'unauthenticated'],
      [{ holdfast, exp: nowS }, 'token-expired'],
      [{ holdfast, exp, nbf: nowS + 61 }, 'unauthenticated'],
      [{ exp }, 'unauthenticated'],
      [{ holdfast: ['a'], exp }, 'unauthenticated'],
      [{ holdfast: { a: 'owner' }, exp }, 'unauthenticated'],
      [
        { holdfast: Object.fromEntries(range(65).map((at) => [at, 'read'])), exp },
        'unauthenticated',
      ],
      [[], 'unauthenticated'],
      [null, 'unauthenticated'],
    ]
    for (const [claims, code] of cases) {
      expect({ claims, ...(await verifier.verify(hs256(claims))) }).toMatchObject({
        claims,
        refusal: { code },
      })
    }
    expect(await verifier.verify(hs256({ holdfast, exp, nbf: nowS + 30 }))).toMatchObject({
      ok: true,
    })
  })

  test('[SIG-11] of a key in a JWKS file is accepted, and a public key is never a shared secret', async () => {
    const clock = new VirtualClock()
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'RS256', use: 'sig' }
    const file = join(await mkdtemp(join(tmpdir(), 'holdfast-jwks-')), 'keys.json')
    await writeFile(file, JSON.stringify({ keys: [jwk] }))
    const claims = { holdfast: { a: 'write' }, exp: clock.now() / 1000 + 100 }
    const signed = `${encoded({ alg: 'RS256', kid: 'one' })}.${encoded(claims)}`
    const token = `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`
    const confused = hs256(claims, publicKey.export({ format: 'pem', type: 'spki' }).toString())

    const keysOnly = await createTokenVerifier({ jwks: file }, clock)
    expect(access(taken(await keysOnly.verify(token)), 'a')).toBe('write')
    expect(await keysOnly.verify(confused)).toMatchObject({ ok: false })
    const both: TokenVerifier = await createTokenVerifier({ jwks: file, secret }, clock)
    expect(await both.verify(token)).toMatchObject({ ok: true })
    expect(await both.verify(hs256(claims))).toMatchObject({ ok: true })
    expect(await both.verify(confused)).toMatchObject({ ok: false })
  })

  test('[SIG-11] keys that cannot be used are refused at the start', async () => {
    const clock = new VirtualClock()
    await expect(createTokenVerifier({}, clock)).rejects.toMatchObject({ code: 'bad-option' })
    await expect(createTokenVerifier({ secret: 'short' }, clock)).rejects.toMatchObject({
      code: 'bad-option',
    })
    await expect(createTokenVerifier({ jwks: '/nowhere.json' }, clock)).rejects.toMatchObject({
      code: 'bad-keys',
    })
    for (const jwks of [
      'http://keys.example.org/jwks',
      'http://localhost.example.org/jwks',
      'http://127.example.org/jwks',
      'http://',
      'https://:1:2',
    ]) {
      await expect(createTokenVerifier({ jwks }, clock)).rejects.toMatchObject({
        code: 'bad-option',
      })
    }
  })
})

test('[SIG-27] TURN credentials end when they say, and are signed as coturn checks them', async () => {
  const turn = { urls: ['turn:turn.example.org:3478?transport=udp'], secret: 'north' }
  const signaller = new TestSignaller({
    ice: { servers: [{ urls: ['stun:s.example.org'] }], turn },
  })
  const peer = await signaller.joined()
  const joined = peer.joinedAs()
  const username = `${Math.floor(signaller.clock.now() / 1000) + 3_600}:${peer.id}`
  expect(joined?.iceServers).toEqual([
    { urls: ['stun:s.example.org'] },
    {
      urls: turn.urls,
      username,
      credential: createHmac('sha1', 'north').update(username).digest('base64'),
    },
  ])
  expect(joined?.iceExpiresInMs).toBe(hour)
})

function access(grant: { accessTo(name: never): Access | undefined }, name: string) {
  return grant.accessTo(taken(parseCollectionName(name)) as never)
}

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function hs256(claims: unknown, key = secret): string {
  const signed = `${encoded({ alg: 'HS256' })}.${encoded(claims)}`
  return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at)
}
