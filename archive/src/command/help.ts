import type { Command, Flag } from './spec.js'

export function helpFor(commands: readonly Command[]): string {
  const width = Math.max(...commands.map((command) => usageOf(command).length)) + 3
  const lines = commands.map(
    (command) => `  holdfast-archive ${usageOf(command).padEnd(width)}${command.summary}`,
  )
  return `holdfast-archive: Holdfast's archive, and the tools for its log

${lines.join('\n')}

  holdfast-archive COMMAND --help    what it does, its options, examples
  holdfast-archive --version

The exit code is 0 when all is well, 1 when it failed or found something wrong, 2 when it was asked
for wrongly, 3 when another process holds the log, 130 when it was stopped.
`
}

export function helpOf(command: Command): string {
  const flags: readonly Flag[] = [...command.flags, { name: 'help', help: 'This text' }]
  const left = flags.map((flag) =>
    flag.value !== undefined ? `--${flag.name} ${flag.value}` : `--${flag.name}`,
  )
  const width = Math.max(...left.map((text) => text.length)) + 3
  const examples = command.examples.map(
    ([line, does]) => `  holdfast-archive ${line}\n      ${does}`,
  )
  return `holdfast-archive ${usageOf(command)}: ${command.summary}

${command.about.trim()}

${flags.map((flag, at) => `  ${(left[at] ?? '').padEnd(width)}${flag.help}${flag.env === undefined ? '' : ` [${flag.env}]`}`).join('\n')}
${command.appendix === undefined ? '' : `\n${command.appendix}\n`}
Examples

${examples.join('\n')}
`
}

function usageOf({ name, operands }: Command): string {
  return [name, ...operands].join(' ')
}
