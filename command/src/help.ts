import type { Command, Flag, Program } from './spec.js'
import { commonFlags } from './words.js'
import { columns, reflow, wrap } from './wrap.js'

/** What there is. Of a program that is one command above all, also what that takes. */
export function helpFor(program: Program): string {
  const { name, summary, commands, appendix } = program
  const lines = commands.map((command) => `${name} ${usageOf(command)}`)
  const width = Math.max(...lines.map((line) => line.length)) + 3
  const standard = commands.find(({ mayOmitName }) => mayOmitName === 'always')
  return [
    `${name}: ${summary}\n`,
    ...commands.map((command, at) =>
      besides(`  ${(lines[at] ?? '').padEnd(width)}`, command.summary),
    ),
    '',
    `  ${name} COMMAND --help    what it does, its options, examples`,
    `  ${name} --version`,
    '',
    ...(standard === undefined ? [] : [detailsOf(standard, program), '']),
    ...(appendix === undefined ? [] : [appendix.trim(), '']),
    'What no option says, a variable of the environment may say ([…] behind the options), and what that',
    'does not say, a file: --config FILE, or holdfast.config.json where the program is started:',
    '{ "COMMAND": { "OPTION": VALUE } }.',
    '',
    'The exit code is 0 when all is well, 1 when it failed or found something wrong, 2 when it was asked',
    'for wrongly, 3 when another process holds the log, 130 when it was stopped.',
    '',
  ].join('\n')
}

export function helpOf(command: Command, program: Program): string {
  return `${program.name} ${usageOf(command)}: ${command.summary}

${detailsOf(command, program)}
`
}

function detailsOf(command: Command, { name }: Program): string {
  const flags: readonly Flag[] = [
    ...command.flags,
    ...commonFlags,
    { name: 'help', help: 'This text' },
  ]
  const width = Math.max(...flags.map((flag) => leftOf(flag).length)) + 3
  const examples = command.examples.map(
    ([line, does]) => `${commandLine(`  ${name} ${line}`)}\n      ${does}`,
  )
  const parts = [
    reflow(command.about.trim()),
    flags.map((flag) => besides(`  ${leftOf(flag).padEnd(width)}`, rightOf(flag))).join('\n'),
    (command.secrets ?? [])
      .map(({ env, fileFlag }) => `${env} holds what --${fileFlag} names a file of.`)
      .join('\n'),
    command.appendix ?? '',
    `Examples\n\n${examples.join('\n')}`,
  ]
  return parts.filter((part) => part !== '').join('\n\n')
}

/** Two columns, the right one wrapped. */
function besides(left: string, right: string): string {
  return wrap(right, columns - left.length)
    .map((line, at) => (at === 0 ? left : ' '.repeat(left.length)) + line)
    .join('\n')
}

/** As a shell takes it: what is too long goes on in the next line, an option together with its value. */
function commandLine(line: string): string {
  if (line.length <= columns) return line
  const [first = '', ...options] = line.split(/ (?=--)/)
  const lines = [first]
  for (const option of options) {
    const last = lines.at(-1) ?? ''
    // Room for the backslash.
    if (last.length + option.length + 3 <= columns) lines[lines.length - 1] = `${last} ${option}`
    else lines.push(`          ${option}`)
  }
  return lines.join(' \\\n')
}

function leftOf({ name, value }: Flag): string {
  return value === undefined ? `--${name}` : `--${name} ${value}`
}

function rightOf(flag: Flag): string {
  const parts = [
    flag.help,
    ...(flag.isList === true ? ['Repeatable'] : []),
    ...(flag.default === undefined ? [] : [`Default: ${flag.default}`]),
  ]
  return `${parts.join('. ')}${flag.env === undefined ? '' : ` [${flag.env}]`}`
}

function usageOf({ name, operands, mayOmitName }: Command): string {
  return [mayOmitName === 'always' ? `[${name}]` : name, ...operands].join(' ')
}
