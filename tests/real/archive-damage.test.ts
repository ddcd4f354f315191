import { createHash } from 'node:crypto'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { LogError, openSqliteLog, verifyLog, type Entry, type Log } from '@holdfast/archive'
import { inlineHosts } from '@holdfast/archive/testing'
import { systemClock, systemRandom, type Logger } from '@holdfast/peer/ports'
import { SeededRandom } from '@holdfast/peer/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { compactNow, publishNow } from '../contract/log/build.js'
import { documentOf, notes } from '../contract/log/names.js'
import { commit } from '../contract/log/outcomes.js'
import { Writer } from '../contract/log/writer.js'
import { seedsFromEnvironment } from '../sim/seeds.js'
import { makeBaseInMemory } from './crash/base.js'

const base = makeBaseInMemory()
afterAll(() => rmSync(base, { recursive: true, force: true }))
const { seed, runs } = seedsFromEnvironment({ runs: 60, seed: 'damage' })

const writers = [1, 2, 3, 4].map((n) => new Writer(n, { document: documentOf(`note-${n}`) }))
const whole = join(base, 'whole.db')
/** By seq and kind: a hash of what a reader was served before the damage. */
const served = new Map<string, string>()
/** By document: of its snapshot, which takes the place of rows that had to be taken out. */
const snapshots = new Map<string, string>()
let wholeHead = 0

beforeAll(async () => {
  const log = await open(whole, [])
  for (let round = 0; round < 30; round++) {
    for (const writer of writers)
      await commit(log, writer.write(`round ${round} ${'x'.repeat(60)} `))
  }
  // One document is its snapshot, one has rows beside one, two have rows only.
  await compactNow(log, documentOf('note-1'))
  const { bytes } = await publishNow(log, documentOf('note-2'))
  snapshots.set('note-2', createHash('sha256').update(bytes).digest('hex'))
  for (const entry of await readAll(log)) {
    served.set(keyOf(entry), hashOf(entry))
    if (entry.kind === 'snapshot') snapshots.set(entry.document.id, hashOf(entry))
  }
  wholeHead = await log.head(notes)
  await log.close()
})

/** What can happen to a file at rest. Gives its name. */
type Damage = (file: string, random: SeededRandom) => string

const damages: Readonly<Record<string, Damage>> = {
  'a flipped bit': (file, random) => {
    const bytes = readFileSync(file)
    const at = random.below(bytes.length)
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8))
    writeFileSync(file, bytes)
    return `bit of byte ${at}`
  },
  'pages of garbage': (file, random) => {
    const bytes = readFileSync(file)
    const pages = 1 + random.below(3)
    const overwritten = Array.from({ length: pages }, () => random.below(bytes.length / pageBytes))
    for (const page of overwritten) bytes.set(random.bytes(pageBytes), page * pageBytes)
    writeFileSync(file, bytes)
    return `pages ${overwritten.join()}`
  },
  'a lost end': (file, random) => {
    const bytes = readFileSync(file)
    const length = 1 + random.below(bytes.length - 1)
    writeFileSync(file, bytes.subarray(0, length))
    return `${length} of ${bytes.length} bytes left`
  },
}

const pageBytes = 4_096

test.each(Object.keys(damages))(
  '[R6] [L56] %s: what is served is what was written, what is not is said, and nothing is acknowledged that is not kept',
  { timeout: 60_000 + runs * 1_000 },
  async (kind) => {
    const tally = { setAside: 0, refused: 0, lost: 0, unharmed: 0 }
    for (let run = 0; run < runs; run++) {
      const random = new SeededRandom(`${seed}/${kind}/${run}`)
      const folder = join(base, `${kind} ${run}`)
      mkdirSync(folder)
      const file = join(folder, 'log.db')
      copyFileSync(whole, file)
      const what = damages[kind]?.(file, random)
      const outcome = await live(file)
      expect(outcome.problems, `SEED=${seed} ${kind} ${run}, ${what}`).toEqual([])
      tally[outcome.came]++
      rmSync(folder, { recursive: true })
    }
    console.log(`${kind}, SEED=${seed}: ${JSON.stringify(tally)}`)
    expect(tally.setAside + tally.refused + tally.lost).toBeGreaterThan(0)
  },
)

interface Outcome {
  readonly came: 'setAside' | 'refused' | 'lost' | 'unharmed'
  readonly problems: readonly string[]
}

/** A log's life with a damaged file: opened, read, written, opened again. */
async function live(file: string): Promise<Outcome> {
  const errors: string[] = []
  const problems: string[] = []
  let log: Log
  try {
    log = await open(file, errors)
  } catch (error) {
    return { came: await checkRefused(file, error, problems), problems }
  }
  const op = new Writer(9, { document: documentOf('note-9') }).write('after the damage')
  let acknowledged = 0
  let hasStrangeName = false
  const failures: string[] = []
  try {
    for (const entry of await readAll(log)) {
      const was =
        entry.kind === 'snapshot' ? snapshots.get(entry.document.id) : served.get(keyOf(entry))
      if (was === undefined) hasStrangeName = true
      else if (was !== hashOf(entry)) problems.push(`served ${keyOf(entry)} wrongly`)
    }
  } catch (error) {
    failures.push(noteFailure(error, problems))
  }
  for (const { document, ydoc: _ydoc } of writers) {
    await log.state(notes, document).catch((error: unknown) => {
      failures.push(noteFailure(error, problems))
    })
  }
  try {
    const [committed] = await commit(log, op)
    acknowledged = committed?.seq ?? 0
  } catch (error) {
    failures.push(noteFailure(error, problems))
  }
  await log.close()
  // Names and counters carry no checksum: that one of them has changed is for `verify` to find.
  if (hasStrangeName && (await isWhole(file)))
    problems.push('a name has changed, and nobody can tell')
  if (failures.length > 0 && errors.length === 0) {
    problems.push(`said nothing to the operator of: ${failures.join('; ')}`)
  }
  return afterwards(file, op.bytes, acknowledged, failures.length + errors.length > 0, problems)
}

/** What was acknowledged is there when it is opened again, or the file was set aside under a name. */
async function afterwards(
  file: string,
  bytes: Uint8Array,
  acknowledged: number,
  wasNoticed: boolean,
  problems: string[],
): Promise<Outcome> {
  let log: Log
  try {
    log = await open(file, [])
  } catch (error) {
    return { came: await checkRefused(file, error, problems), problems }
  }
  try {
    if (acknowledged > 0) {
      const request = { collection: notes, after: acknowledged - 1, maxBytes: 1e9, maxEntries: 1 }
      const [entry] = (await log.read(request)).entries
      if (entry?.kind !== 'row' || !Buffer.from(entry.bytes).equals(bytes)) {
        problems.push(`acknowledged as ${acknowledged}, and gone`)
      }
      if (acknowledged <= wholeHead && (await isWhole(file))) {
        problems.push(`seq ${acknowledged} was given out twice, and nobody can tell`)
      }
    }
  } catch (error) {
    noteFailure(error, problems)
  } finally {
    await log.close()
  }
  return { came: wasNoticed ? 'lost' : 'unharmed', problems }
}

/**
 * A file that cannot be opened is named: as what it is, or by the name under which it was set aside,
 * at once or by the next opening. The one after that begins anew.
 */
async function checkRefused(
  file: string,
  error: unknown,
  problems: string[],
): Promise<'setAside' | 'refused'> {
  noteFailure(error, problems)
  const { code, message } = error as LogError
  if (code !== 'damaged') return 'refused'
  let said = message
  let log: Log | undefined
  for (let opening = 0; opening < 2 && log === undefined; opening++) {
    log = await open(file, []).catch((again: unknown) => {
      noteFailure(again, problems)
      said += `\n${String(again)}`
      return undefined
    })
  }
  const aside = readdirSync(dirname(file)).find((name) => isAside.test(name))
  if (aside === undefined || !said.includes(aside)) problems.push(`not set aside: ${said}`)
  if (log === undefined) {
    problems.push(`does not begin anew: ${said}`)
    return 'setAside'
  }
  await commit(log, new Writer(9).write('anew'))
  await log.close()
  if (!(await isWhole(file))) problems.push('the new one is not whole')
  return 'setAside'
}

async function isWhole(file: string): Promise<boolean> {
  return (await verifyLog(file, { clock: systemClock })).isWhole
}

const isAside = /^log\.db\.damaged-.*Z$/

function noteFailure(error: unknown, problems: string[]): string {
  if (!(error instanceof LogError)) problems.push(`not typed: ${String(error)}`)
  return String(error)
}

function open(file: string, errors: string[]): Promise<Log> {
  const logger: Logger = {
    error: (message) => errors.push(message),
    info: () => {},
    debug: () => {},
  }
  const hosts = inlineHosts()
  return openSqliteLog({ file, clock: systemClock, random: systemRandom, logger, hosts })
}

async function readAll(log: Log): Promise<readonly Entry[]> {
  const page = await log.read({ collection: notes, after: 0, maxBytes: 1e9, maxEntries: 1e6 })
  return page.entries
}

function keyOf({ kind, seq, document }: Entry): string {
  return `${kind} ${document.id}#${seq}`
}

function hashOf(entry: Entry): string {
  const bytes = entry.kind === 'tombstone' ? new Uint8Array() : (entry.bytes ?? new Uint8Array())
  return createHash('sha256').update(bytes).digest('hex')
}
