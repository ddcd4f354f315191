import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { createSocket } from 'node:dgram'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteLog } from '@holdfast/archive'
import { silentLogger, systemClock, systemRandom } from '@holdfast/peer/ports'
import { examine, type Finding, type Ground, type Plan } from 'holdfast'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

let folder = ''
const toClose: (() => unknown)[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-doctor-'))
})
afterEach(async () => {
  for (const close of toClose.splice(0)) await close()
  await rm(folder, { recursive: true, force: true })
})

describe('the doctor', () => {
  test('[CLI-20] finds nothing where all is well, and leaves nothing', async () => {
    const findings = await found({})
    expect(findings.filter(({ level, subject }) => level !== 'ok' && subject !== 'disk')).toEqual(
      [],
    )
    const subjects = [
      'Node',
      'SQLite',
      'WebRTC',
      'clock',
      'data',
      'space',
      'fsync',
      'port',
      'access',
    ]
    expect(findings.map(({ subject }) => subject)).toEqual(expect.arrayContaining(subjects))
    expect(await readdir(folder)).toEqual([])
  })

  test.each(['18.20.0', '20.18.3', 'v20.9.0'])('[CLI-20] fails on Node %s', async (nodeVersion) => {
    expect(of('Node', await found({}, { nodeVersion }))).toMatchObject({
      level: 'fail',
      advice: expect.stringContaining('20.19') as string,
    })
  })

  test.each(['20.19.0', '22.0.0', 'v24.1.0'])('[CLI-20] takes Node %s', async (nodeVersion) => {
    expect(of('Node', await found({}, { nodeVersion }))).toMatchObject({ level: 'ok' })
  })

  test('[CLI-20] says what to do about native modules that do not load', async () => {
    const findings = await found(
      {},
      {
        sqliteVersion: () => {
          throw new Error('NODE_MODULE_VERSION 115\nrequires 127')
        },
        loadWebRtc: () => Promise.reject(new Error('libstdc++')),
      },
    )
    expect(of('SQLite', findings)).toEqual({
      level: 'fail',
      subject: 'SQLite',
      said: 'better-sqlite3 does not load: NODE_MODULE_VERSION 115',
      advice: expect.stringContaining('npm rebuild better-sqlite3') as string,
    })
    // No server needs it.
    expect(of('WebRTC', findings)).toMatchObject({ level: 'warn' })
    const absent = await found({}, { loadWebRtc: () => Promise.resolve(false) })
    expect(of('WebRTC', absent)).toMatchObject({
      level: 'ok',
      said: expect.stringContaining('not installed') as string,
    })
  })

  test('[CLI-20] does not believe every clock', async () => {
    for (const nowMs of [0, Date.UTC(2101, 0, 1), Number.NaN]) {
      expect(of('clock', await found({}, { nowMs }))).toMatchObject({ level: 'fail' })
    }
    const data = join(folder, 'data')
    await makeLog(data)
    const findings = await found({ data }, { nowMs: systemClock.now() - 3_600_000 })
    expect(findings.filter(({ subject }) => subject === 'clock')).toMatchObject([
      { level: 'ok' },
      { level: 'warn', said: expect.stringContaining('60 minutes from now') as string },
    ])
  })

  test('[CLI-20] finds a log, who holds it, and what was set aside', async () => {
    const data = join(folder, 'data')
    await makeLog(data)
    const closed = await found({ data })
    expect(of('lock', closed)).toMatchObject({ level: 'ok' })
    expect(of('log', closed)).toMatchObject({ level: 'ok' })
    const log = await openSqliteLog({ file: join(data, 'archive.db'), ...world })
    toClose.push(() => log.close())
    expect(of('lock', await found({ data }))).toMatchObject({
      level: 'fail',
      said: expect.stringContaining(`in use by process ${process.pid}`) as string,
    })
    await writeFile(join(data, 'archive.db.damaged-2026'), '')
    expect(of('log', await found({ data }))).toMatchObject({ level: 'warn' })
  })

  test('[CLI-20] finds what is no folder, no log, and not ours to write', async () => {
    const file = join(folder, 'file')
    await writeFile(file, 'something else')
    expect(of('data', await found({ data: file }))).toMatchObject({ level: 'fail' })
    const data = join(folder, 'data')
    await mkdir(data)
    await writeFile(join(data, 'archive.db'), 'no database at all')
    expect(of('log', await found({ data }))).toMatchObject({
      level: 'fail',
      advice: expect.stringContaining('holdfast restore') as string,
    })
  })

  test.each([
    ['space', 'fail', { freeBytes: 2 ** 20 }],
    ['space', 'warn', { freeBytes: 2 ** 29 }],
    ['fsync', 'warn', { fsyncMs: 80 }],
    ['disk', 'warn', { fileSystem: 0x01021994 }],
    ['disk', 'warn', { fileSystem: 0x6969 }],
  ])('[CLI-20] judges a disk by its %s (%s)', async (subject, level, figures) => {
    const measureDisk = () => Promise.resolve({ ...goodDisk, ...figures })
    expect(of(subject, await found({}, { measureDisk }))).toMatchObject({ level })
  })

  test('[CLI-20] finds a folder that takes no files', async () => {
    expect(of('data', await found({}, { measureDisk: takesNoFile }))).toMatchObject({
      level: 'fail',
      said: expect.stringContaining('EROFS') as string,
    })
  })

  test('[CLI-20] finds a port that is taken, and an address of others', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    toClose.push(() => server.close())
    const { port } = server.address() as AddressInfo
    expect(of('port', await found({ port }))).toMatchObject({
      level: 'fail',
      said: `127.0.0.1:${port} is taken`,
    })
    expect(of('port', await found({ host: '192.0.2.1' }))).toMatchObject({ level: 'fail' })
  })

  test('[CLI-20] holds secrets to their length and to who can read them, and shows none', async () => {
    const good = 'x8Kd0pQm2vN7sL4rT9yB1wE6uH3jA5cZ'
    const short = 'hunter2hunter2'
    expect(of('secret', await found({ secret: good }))).toMatchObject({ level: 'ok' })
    const weak = await found({ secret: 'a'.repeat(40) })
    expect(of('secret', weak)).toMatchObject({ level: 'warn' })
    const bad = await found({ secret: short })
    expect(of('secret', bad)).toMatchObject({ level: 'fail', said: 'it has 14 bytes and needs 32' })
    expect(JSON.stringify([bad, weak])).not.toContain(short)

    const secretFile = join(folder, 'secret')
    await writeFile(secretFile, good)
    await chmod(secretFile, 0o644)
    const open = await found({ secret: good, secretFile })
    expect(open.filter(({ subject }) => subject === 'secret')).toMatchObject([
      { level: 'ok' },
      { level: 'warn', advice: `For its owner alone: chmod 600 ${secretFile}` },
    ])
    await chmod(secretFile, 0o600)
    expect(of('secret', await found({ secret: good, secretFile }))).toMatchObject({ level: 'ok' })
  })

  test('[CLI-20] asks for keys where others can come in', async () => {
    expect(of('access', await found({ host: '0.0.0.0' }))).toMatchObject({ level: 'fail' })
    expect(of('access', await found({ host: '0.0.0.0', open: true }))).toMatchObject({
      level: 'warn',
    })
    const jwks = join(folder, 'keys.json')
    expect(of('access', await found({ host: '0.0.0.0', jwks }))).toMatchObject({ level: 'fail' })
    await writeFile(jwks, '{ "keys": [] }')
    expect(of('access', await found({ host: '0.0.0.0', jwks }))).toMatchObject({ level: 'ok' })
    const nobody = 'http://127.0.0.1:1/keys.json'
    expect(of('access', await found({ jwks: nobody }))).toMatchObject({ level: 'fail' })
  })

  test('[CLI-20] asks TURN servers whether they are there', async () => {
    // Somebody who answers nothing that is asked.
    const mute = createSocket('udp4')
    await new Promise<void>((resolve) => {
      mute.bind(0, '127.0.0.1', resolve)
    })
    toClose.push(() => mute.close())
    const turn = [
      `turn:127.0.0.1:${mute.address().port}`,
      'turn:127.0.0.1:1?transport=tcp',
      'turn.example.org',
    ]
    const findings = await found({ turn, turnSecret: 'x8Kd0pQm2vN7sL4rT9yB' })
    expect(findings.filter(({ subject }) => subject === 'TURN')).toMatchObject([
      { level: 'fail', said: expect.stringContaining('nothing came') as string },
      { level: 'fail', said: expect.stringContaining('ECONNREFUSED') as string },
      { level: 'fail', said: "'turn.example.org' is no TURN address" },
    ])
    expect(of('TURN', await found({ turn: turn.slice(0, 1) }))).toMatchObject({
      said: expect.stringContaining('has no secret') as string,
    })
  })
})

const world = { clock: systemClock, random: systemRandom, logger: silentLogger }

async function makeLog(data: string): Promise<void> {
  await mkdir(data)
  const log = await openSqliteLog({ file: join(data, 'archive.db'), ...world })
  await log.close()
}

function of(subject: string, findings: readonly Finding[]): Finding | undefined {
  return findings.find((finding) => finding.subject === subject)
}

function takesNoFile(): Promise<never> {
  return Promise.reject(new Error('EROFS: read-only file system'))
}

const goodDisk = { freeBytes: 2 ** 40, fsyncMs: 1, fileSystem: 0xef53 }

function found(plan: Partial<Plan>, ground: Partial<Ground> = {}): Promise<readonly Finding[]> {
  return examine(
    {
      data: folder,
      host: '127.0.0.1',
      port: 0,
      open: false,
      secret: undefined,
      secretFile: undefined,
      jwks: undefined,
      turn: [],
      turnSecret: undefined,
      turnSecretFile: undefined,
      unreadable: [],
      ...plan,
    },
    {
      nodeVersion: process.versions.node,
      sqliteVersion: () => '3',
      loadWebRtc: () => Promise.resolve(true),
      measureDisk: () => Promise.resolve(goodDisk),
      nowMs: systemClock.now(),
      ...ground,
    },
  )
}
