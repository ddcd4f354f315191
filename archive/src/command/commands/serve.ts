import { createTokenVerifier } from '@holdfast/access'
import {
  aborted,
  choiceOf,
  hostFlag,
  keyFlags,
  keysOf,
  logLevelFlag,
  logLevels,
  openFlag,
  originFlags,
  present,
  secretOfTokens,
  type Command,
} from '@holdfast/command'
import { pinoLogger } from '../../server/pino-logger.adapter.js'
import { createArchive } from '../../server/server.adapter.js'
import { archiveLimitFlag, archiveLimitNames } from '../limits.js'
import { outreachFlags, outreachOf, outreachSecrets } from '../outreach.js'
import { archiveOptionsOf } from '../serve-options.js'

/** The command under the name that a program has for it. */
export function serveCommandOf(name: string): Command {
  return {
    name,
    section: 'archive',
    summary: 'serves a log to peers, until SIGTERM or SIGINT, then drains',
    mayOmitName: 'before-its-flags',
    operands: [],
    flags: [
      {
        name: 'data',
        value: 'DIR',
        env: 'HOLDFAST_DATA',
        help: 'Where everything is kept. Needed',
      },
      hostFlag,
      {
        name: 'port',
        value: 'N',
        env: 'HOLDFAST_ARCHIVE_PORT',
        help: '0 takes a free one',
        default: '4441',
      },
      ...keyFlags,
      openFlag,
      ...originFlags,
      {
        name: 'path',
        value: 'PATH',
        env: 'HOLDFAST_ARCHIVE_PATH',
        help: 'Where peers connect',
        default: '/archive',
      },
      {
        name: 'y-websocket-path',
        value: 'PATH',
        env: 'HOLDFAST_Y_WEBSOCKET_PATH',
        help: 'Below which y-websocket clients connect; off: nowhere',
        default: '/yjs',
      },
      {
        name: 'backups',
        value: 'DIR',
        env: 'HOLDFAST_BACKUPS',
        help: 'Where the admin API puts backups. Default: backups in the data',
      },
      ...outreachFlags,
      archiveLimitFlag,
      logLevelFlag,
    ],
    secrets: [secretOfTokens, ...outreachSecrets],
    about: `
Peers connect to ws://HOST:PORT/archive, y-websocket clients to ws://HOST:PORT/yjs/COLLECTION/DOCUMENT.
/healthz, /readyz and /metrics are for whoever watches it, /admin/… for operators.

Without keys for tokens only this machine is served.`,
    appendix: `Thresholds and limits, with their defaults:\n\n${limitsText}`,
    examples: [
      [`${name} --data ./data`, 'for this machine'],
      [
        `${name} --data /var/lib/holdfast --host 0.0.0.0 --secret-file /etc/holdfast/secret`,
        'for everybody who has a token',
      ],
      [`${name} --data ./data --limit log.ripeRows=500 --limit server.maxSockets=100`, 'smaller'],
    ],
    run: async (given, { clock, random, signal, terminal }) => {
      const level = choiceOf(given, 'log-level', 'log level', logLevels) ?? 'info'
      const options = archiveOptionsOf(given, name)
      const logger = pinoLogger(level)
      const keys = await keysOf(given)
      const tokens = keys === undefined ? undefined : await createTokenVerifier(keys, clock)
      const outreach = await outreachOf(given)
      const archive = await createArchive({
        ...options,
        ...outreach,
        ...present('tokens', tokens),
        clock,
        random,
        logger,
      })
      if (tokens === undefined) {
        logger.info(
          options.open === true
            ? 'open: whoever reaches this archive may read and write every collection'
            : 'no secret: only programs and pages of this machine are served',
        )
      }
      if (terminal.isLive && level === 'silent') {
        terminal.write(`serving ws://127.0.0.1:${archive.port}/archive\n`)
      }
      await aborted(signal)
      await archive.close()
      return 0
    },
  }
}

const limitsText = [...archiveLimitNames]
  .map(([name, value]) => `  ${name.padEnd(40)} ${value}`)
  .join('\n')
