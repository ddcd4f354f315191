/** The command `holdfast-signal`, also as a part of `holdfast`: a server until a signal ends it, or a token. */
import { AccessError, createTokenVerifier, mintToken, type AccessByGlob } from '@holdfast/access'
import { systemClock } from '@holdfast/peer/ports'
import { readFile } from 'node:fs/promises'
import { SignalError } from '../errors.js'
import { pinoLogger } from '../operations/pino-logger.adapter.js'
import { createSignalServer } from '../server.adapter.js'
import { readFlags, type Flags } from './flags.js'
import {
  accessByGlobOf,
  durationMsOf,
  helpText,
  logLevelOf,
  serveFlags,
  serverOptionsOf,
  tokenFlags,
} from './settings.js'

/**
 * Runs `token …` or the server with these flags, until it is done. Resolves with the exit code: 1
 * after a mistake in the settings, which is told on stderr under `name`.
 */
export async function runSignalCommand(
  args: readonly string[],
  name = 'holdfast-signal',
): Promise<0 | 1> {
  const [command, ...rest] = args
  try {
    await (command === 'token' ? token(rest) : serve(args))
    return 0
  } catch (cause) {
    if (!(cause instanceof SignalError || cause instanceof AccessError)) throw cause
    process.stderr.write(`${name}: ${cause.message}\n`)
    return 1
  }
}

async function serve(args: readonly string[]): Promise<void> {
  const flags = readFlags(serveFlags, args, process.env)
  if (flags.isOn('help')) return print(helpText)
  const logger = pinoLogger(logLevelOf(flags))
  const secret = await secretOf(flags, 'secret', 'secretFile')
  const jwks = flags.text('jwks')
  const keys = {
    ...(secret === undefined ? {} : { secret }),
    ...(jwks === undefined ? {} : { jwks }),
  }
  const tokens =
    secret === undefined && jwks === undefined
      ? undefined
      : await createTokenVerifier(keys, systemClock)
  const options = serverOptionsOf(flags, await secretOf(flags, 'turnSecret', 'turnSecretFile'))
  // Asked for before anybody can connect: a supervisor may change its mind early.
  const ended = endSignal()
  const server = await createSignalServer({
    ...options,
    ...(tokens === undefined ? {} : { tokens }),
    logger,
  })
  if (tokens === undefined) {
    logger.info(
      options.open === true
        ? 'open: whoever reaches this server may join, read, write and administer every collection'
        : 'no secret: only programs and pages of this machine are served',
    )
  }
  await ended
  await server.close()
}

/** Resolves at the first signal to end. The same again ends the process at once, as is the default. */
function endSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve())
  })
}

async function token(args: readonly string[]): Promise<void> {
  const flags = readFlags(tokenFlags, args, process.env)
  if (flags.isOn('help')) return print(helpText)
  const secret = await secretOf(flags, 'secret', 'secretFile')
  const collections = flags.list('collections')
  if (secret === undefined) throw new SignalError('bad-option', 'token needs a secret-file')
  if (collections === undefined) throw new SignalError('bad-option', 'token needs a collection')
  const subject = flags.text('subject')
  const minted = await mintToken(
    {
      secret,
      access: accessByGlobOf(collections) as AccessByGlob,
      expiresInMs: durationMsOf(flags.text('expires') ?? '1h'),
      ...(subject === undefined ? {} : { subject }),
    },
    systemClock,
  )
  print(minted)
}

async function secretOf(flags: Flags, name: string, fileName: string): Promise<string | undefined> {
  const file = flags.text(fileName)
  if (file === undefined) return flags.text(name)
  try {
    // Editors end files with a line feed that nobody meant.
    return (await readFile(file, 'utf8')).trimEnd()
  } catch (cause) {
    throw new SignalError('bad-option', `${file} cannot be read`, { cause })
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
