import { createTokenVerifier } from '@holdfast/access'
import { createArchive } from '../../server/server.adapter.js'
import { pinoLogger } from '../../server/pino-logger.adapter.js'
import type { Command, Given } from '../spec.js'
import { Mistake } from '../spec.js'
import { printable, suggestion } from '../nearest.js'
import { archiveOptionsOf, limitsText, logLevels, type LogLevel } from '../serve-settings.js'
import { textOfFile } from '../secret-file.adapter.js'

export const serveCommand: Command = {
  name: 'serve',
  summary: 'serves a log to peers, until SIGTERM or SIGINT, then drains',
  isUnnamed: true,
  operands: [],
  flags: [
    { name: 'data', value: 'DIR', env: 'HOLDFAST_DATA', help: 'Where everything is kept. Needed' },
    {
      name: 'host',
      value: 'ADDRESS',
      env: 'HOLDFAST_HOST',
      help: 'Where to listen. Default: 127.0.0.1',
    },
    {
      name: 'port',
      value: 'N',
      env: 'HOLDFAST_ARCHIVE_PORT',
      help: 'Default: 4441. 0 takes a free one',
    },
    {
      name: 'secret-file',
      value: 'FILE',
      env: 'HOLDFAST_SECRET_FILE',
      help: 'Shared secret of HS256 tokens, at least 32 bytes',
    },
    {
      name: 'jwks',
      value: 'FILE|URL',
      env: 'HOLDFAST_JWKS',
      help: 'Public keys of asymmetric tokens',
    },
    {
      name: 'open',
      env: 'HOLDFAST_OPEN',
      help: 'Serve a public address without tokens: whoever reaches it may write',
    },
    {
      name: 'origin',
      value: 'ORIGINS',
      env: 'HOLDFAST_ORIGINS',
      help: 'Web pages that may connect, such as https://*.example.org; commas between',
    },
    {
      name: 'trusted-proxies',
      value: 'N',
      env: 'HOLDFAST_TRUSTED_PROXIES',
      help: 'Own proxies in front that add to X-Forwarded-For. Default: 0',
    },
    {
      name: 'path',
      value: 'PATH',
      env: 'HOLDFAST_ARCHIVE_PATH',
      help: 'Where peers connect. Default: /archive',
    },
    {
      name: 'y-websocket-path',
      value: 'PATH',
      env: 'HOLDFAST_Y_WEBSOCKET_PATH',
      help: 'Below which y-websocket clients connect. Default: /yjs; off: nowhere',
    },
    {
      name: 'backups',
      value: 'DIR',
      env: 'HOLDFAST_BACKUPS',
      help: 'Where the admin API puts backups. Default: backups in DIR',
    },
    {
      name: 'limit',
      value: 'NAME=N',
      env: 'HOLDFAST_ARCHIVE_LIMITS',
      help: 'Thresholds, of those below; commas between',
    },
    {
      name: 'log-level',
      value: 'LEVEL',
      env: 'HOLDFAST_LOG_LEVEL',
      help: `${logLevels.join(', ')}. Default: info`,
    },
  ],
  about: `
Peers connect to ws://HOST:PORT/archive, y-websocket clients to ws://HOST:PORT/yjs/COLLECTION/DOCUMENT.
/healthz, /readyz and /metrics are for whoever watches it, /admin/… for operators.

Without keys for tokens only this machine is served. HOLDFAST_SECRET holds the secret itself where there
is no file for it; it has no flag, because command lines can be read by everybody on the machine.`,
  appendix: `Thresholds and limits, with their defaults:\n\n${limitsText}`,
  examples: [
    ['serve --data ./data', 'for this machine'],
    [
      'serve --data /var/lib/holdfast --host 0.0.0.0 --secret-file /etc/holdfast/secret',
      'for everybody who has a token',
    ],
    ['serve --data ./data --limit log.ripeRows=500,server.maxSockets=100', 'smaller than usual'],
  ],
  run: async (given, { clock, env, random, signal, terminal }) => {
    const level = logLevelOf(given)
    const options = archiveOptionsOf(given)
    const logger = pinoLogger(level)
    const secretFile = given.value('secret-file')
    const secret = secretFile === undefined ? env['HOLDFAST_SECRET'] : await textOfFile(secretFile)
    const jwks = given.value('jwks')
    const keys = {
      ...(secret === undefined || secret === '' ? {} : { secret }),
      ...(jwks === undefined ? {} : { jwks }),
    }
    const hasKeys = Object.keys(keys).length > 0
    const tokens = hasKeys ? { tokens: await createTokenVerifier(keys, clock) } : {}
    const archive = await createArchive({ ...options, ...tokens, clock, random, logger })
    if (!hasKeys) {
      logger.info(
        options.open === true
          ? 'open: whoever reaches this archive may read and write every collection'
          : 'no secret: only programs and pages of this machine are served',
      )
    }
    if (terminal.isLive && level === 'silent') {
      terminal.write(`serving ws://127.0.0.1:${archive.port}/archive\n`)
    }
    await abortOf(signal)
    await archive.close()
    return 0
  },
}

function logLevelOf(given: Given): LogLevel {
  const level = given.value('log-level') ?? 'info'
  const known = logLevels.find((one) => one === level)
  if (known !== undefined) return known
  throw new Mistake(`There is no log level '${printable(level)}'.${suggestion(level, logLevels)}`)
}

function abortOf(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
