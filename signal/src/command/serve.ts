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
import { pinoLogger } from '../operations/pino-logger.adapter.js'
import { createSignalServer } from '../server.adapter.js'
import { iceFlags, secretOfTurn } from './ice-options.js'
import { signalLimitNames } from './limits.js'
import { serverOptionsOf } from './serve-options.js'

/** The command under the name that a program has for it. */
export function serveCommandOf(name: string): Command {
  return {
    name,
    section: 'signal',
    summary: 'serves until SIGTERM or SIGINT, then drains',
    operands: [],
    flags: [
      hostFlag,
      {
        name: 'port',
        value: 'N',
        env: 'HOLDFAST_PORT',
        help: '0 takes a free one',
        default: '4440',
      },
      ...keyFlags,
      openFlag,
      ...originFlags,
      {
        name: 'path',
        value: 'PATH',
        env: 'HOLDFAST_PATH',
        help: 'Where peers connect',
        default: '/signal',
      },
      {
        name: 'y-webrtc-path',
        value: 'PATH',
        env: 'HOLDFAST_Y_WEBRTC_PATH',
        help: 'Where y-webrtc clients connect; off: nowhere',
        default: '/y-webrtc',
      },
      ...iceFlags,
      {
        name: 'no-relay',
        env: 'HOLDFAST_NO_RELAY',
        help: 'Do not relay frames between peers that cannot connect',
      },
      {
        name: 'limit',
        value: 'NAME=N',
        isList: true,
        env: 'HOLDFAST_LIMITS',
        help: 'One of the limits below',
      },
      logLevelFlag,
    ],
    secrets: [secretOfTokens, secretOfTurn],
    about: `
Introduces the peers of a collection to each other, and relays for those that cannot connect directly.
It stores nothing and sees no document. Without keys for tokens only this machine is served.`,
    appendix: `Limits, with their defaults:\n\n${limitsText}`,
    examples: [
      [name, 'for this machine'],
      [
        `${name} --host 0.0.0.0 --secret-file /etc/holdfast/secret`,
        'for everybody who has a token',
      ],
      [
        `${name} --turn turn:turn.example.org --turn-secret-file /etc/holdfast/turn-secret`,
        'with TURN, for peers behind strict NATs',
      ],
    ],
    run: async (given, { clock, random, signal }) => {
      const logger = pinoLogger(choiceOf(given, 'log-level', 'log level', logLevels) ?? 'info')
      const keys = await keysOf(given)
      const tokens = keys === undefined ? undefined : await createTokenVerifier(keys, clock)
      const options = await serverOptionsOf(given)
      const server = await createSignalServer({
        ...options,
        ...present('tokens', tokens),
        clock,
        random,
        logger,
      })
      if (tokens === undefined) {
        logger.info(
          options.open === true
            ? 'open: whoever reaches this server may join, read, write and administer every collection'
            : 'no secret: only programs and pages of this machine are served',
        )
      }
      await aborted(signal)
      await server.close()
      return 0
    },
  }
}

const limitsText = [...signalLimitNames]
  .map(([name, value]) => `  ${name.padEnd(26)} ${value}`)
  .join('\n')
