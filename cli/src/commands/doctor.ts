import { sqliteVersion } from '@holdfast/archive'
import { Mistake, portOf, type Command, type Given } from '@holdfast/command'
import { measureDisk } from '../doctor/disk.js'
import { examine, type Plan } from '../doctor/examine.js'
import type { Finding } from '../doctor/finding.js'
import { loadWebRtc } from '../doctor/programs.js'
import { upCommand } from './up.js'

const looksAt = ['data', 'host', 'port', 'secret-file', 'jwks', 'open', 'turn', 'turn-secret-file']

export const doctorCommand: Command = {
  name: 'doctor',
  section: 'up',
  summary: 'says what would keep this machine from working',
  operands: [],
  flags: [
    ...upCommand.flags.filter(({ name }) => looksAt.includes(name)),
    { name: 'json', help: 'The findings as JSON' },
  ],
  secrets: upCommand.secrets ?? [],
  about: `
Looks at Node, native modules, the clock, the disk, the log and its lock, the port, secrets and TURN, as
'holdfast up' with the same options would find them, and says what to do. It makes a small file in the
data folder, removes it, and changes nothing else.

Exits with 1 if something fails; a warning does not.`,
  examples: [
    ['doctor', 'before the first start'],
    [
      'doctor --host 0.0.0.0 --secret-file /etc/holdfast/secret --turn turn:turn.example.org',
      'before others are let in',
    ],
  ],
  run: async (given, { clock, terminal }) => {
    const findings = await examine(await planOf(given), {
      nodeVersion: process.versions.node,
      sqliteVersion,
      loadWebRtc,
      measureDisk,
      nowMs: clock.now(),
    })
    terminal.write(
      given.isOn('json') ? `${JSON.stringify(findings, undefined, 2)}\n` : textOf(findings),
    )
    return findings.some(({ level }) => level === 'fail') ? 1 : 0
  },
}

async function planOf(given: Given): Promise<Plan> {
  const unreadable: string[] = []
  const secret = await secretIn(given, 'secret', unreadable)
  const turnSecret = await secretIn(given, 'turn-secret', unreadable)
  return {
    data: given.value('data') ?? '',
    host: given.value('host') ?? '',
    port: portOf(given, 'port') ?? 0,
    open: given.isOn('open'),
    secret,
    secretFile: given.value('secret-file'),
    jwks: given.value('jwks'),
    turn: given.list('turn') ?? [],
    turnSecret,
    turnSecretFile: given.value('turn-secret-file'),
    unreadable,
  }
}

/** What stops `up` is something to find here. */
async function secretIn(
  given: Given,
  name: string,
  unreadable: string[],
): Promise<string | undefined> {
  try {
    return await given.secret(name)
  } catch (error) {
    if (!(error instanceof Mistake)) throw error
    unreadable.push(error.message)
    return undefined
  }
}

function textOf(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ subject }) => subject.length)) + 2
  const lines = findings.flatMap(({ level, subject, said, advice }) => [
    `${level.padEnd(6)}${subject.padEnd(width)}${said}`,
    ...(advice === undefined ? [] : [`${' '.repeat(6 + width)}→ ${advice}`]),
  ])
  const fails = findings.filter(({ level }) => level === 'fail').length
  const warnings = findings.filter(({ level }) => level === 'warn').length
  const verdict =
    fails > 0
      ? `It would not work: ${fails} to mend.`
      : warnings > 0
        ? `It would work; ${warnings} to know of.`
        : 'It would work.'
  return `${lines.join('\n')}\n\n${verdict}\n`
}
