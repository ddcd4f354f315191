import { createTokenVerifier } from '@holdfast/access'
import { pinoLogger as archiveLogger } from '@holdfast/archive'
import {
  archiveLimitFlag,
  archiveLimitsOf,
  outreachFlags,
  outreachOf,
  outreachSecrets,
} from '@holdfast/archive/command'
import {
  aborted,
  choiceOf,
  hostFlag,
  keyFlags,
  keysOf,
  logLevels,
  openFlag,
  originFlags,
  portOf,
  present,
  secretOfTokens,
  wholeOf,
  type Command,
  type Environment,
  type Given,
} from '@holdfast/command'
import { pinoLogger as signalLogger } from '@holdfast/signal'
import { iceFlags, iceOf, secretOfTurn } from '@holdfast/signal/command'
import { fileURLToPath } from 'node:url'
import { limitNames, limitsText, signalLimitsIn } from '../up/limits.js'
import { OnePort } from '../up/one-port.js'
import { welcomeText } from '../up/welcome.js'

export const upCommand: Command = {
  name: 'up',
  summary: 'runs signaller, archive and demo on one port',
  operands: [],
  flags: [
    {
      name: 'data',
      value: 'DIR',
      env: 'HOLDFAST_DATA',
      help: 'Where everything is kept',
      default: './holdfast-data',
    },
    hostFlag,
    {
      name: 'port',
      value: 'N',
      env: 'HOLDFAST_PORT',
      help: '0 takes a free one',
      default: '4440',
    },
    {
      name: 'page',
      value: 'DIR',
      env: 'HOLDFAST_PAGE',
      help: 'A web page to serve; off: none. Default: the demo, where it was built',
    },
    ...keyFlags,
    openFlag,
    ...originFlags,
    ...iceFlags,
    {
      name: 'no-relay',
      env: 'HOLDFAST_NO_RELAY',
      help: 'Do not relay frames between peers that cannot connect',
    },
    {
      name: 'backups',
      value: 'DIR',
      env: 'HOLDFAST_BACKUPS',
      help: 'Where the admin API puts backups. Default: backups in the data',
    },
    ...outreachFlags,
    { ...archiveLimitFlag, env: 'HOLDFAST_UP_LIMITS' },
    {
      name: 'log-level',
      value: 'LEVEL',
      env: 'HOLDFAST_LOG_LEVEL',
      help: `${logLevels.join(', ')}: JSON lines for a supervisor, and no welcome`,
    },
  ],
  secrets: [secretOfTokens, secretOfTurn, ...outreachSecrets],
  about: `
Needs nothing, and serves this machine alone. With a secret or keys for tokens it may have a public
address, and is all that a small installation needs; behind a proxy that does TLS, say so by
--trusted-proxies.`,
  appendix: `Thresholds and limits, with their defaults:\n\n${limitsText}`,
  examples: [
    ['up', 'for this machine, and to look around'],
    ['up --data ./other --port 4450', 'a second one beside it'],
    [
      'up --data /var/lib/holdfast --host 0.0.0.0 --secret-file /etc/holdfast/secret --log-level info',
      'for everybody who has a token',
    ],
  ],
  run: async (given, { terminal, clock, random, signal, env }) => {
    const level = choiceOf(given, 'log-level', 'log level', logLevels)
    const folder = given.value('data') ?? ''
    const host = given.value('host') ?? ''
    const keys = await keysOf(given)
    const tokens = keys === undefined ? undefined : await createTokenVerifier(keys, clock)
    const one = await OnePort.start({
      folder,
      host,
      port: portOf(given, 'port') ?? 0,
      ...present('page', pageOf(given)),
      ...present('tokens', tokens),
      open: given.isOn('open'),
      ...present('origins', given.list('origin')),
      ...present('trustedProxies', wholeOf(given, 'trusted-proxies')),
      signal: {
        ice: await iceOf(given),
        relay: !given.isOn('no-relay'),
        limits: signalLimitsIn(given),
      },
      archive: {
        ...present('backupFolder', given.value('backups')),
        ...(await outreachOf(given)),
        ...archiveLimitsOf(given, limitNames),
      },
      clock,
      random,
      loggers: { signal: signalLogger(level ?? 'error'), archive: archiveLogger(level ?? 'error') },
    })
    if (level === undefined) terminal.write(welcomeText(one, host, folder, calledIn(env)))
    else archiveLogger(level).info('listening', { host, port: one.port, folder })
    await aborted(signal)
    if (terminal.isLive) terminal.writeError('\nDraining…\n')
    await one.close()
    return 0
  },
}

/** A checkout has it among its own modules, not in the shell's path. */
function calledIn(env: Environment): string {
  return env['npm_lifecycle_event'] === undefined ? 'holdfast' : 'npx holdfast'
}

/** In a checkout, where `npm start` builds it. */
const demo = fileURLToPath(new URL('../../../examples/notes/dist', import.meta.url))

function pageOf(given: Given): string | undefined {
  const page = given.value('page') ?? demo
  return page === 'off' ? undefined : page
}
