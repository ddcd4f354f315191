import { inspectCommand as inspectFileCommand } from '@holdfast/archive/command'
import { countOf, durationMsOf, Mistake, present, type Command } from '@holdfast/command'
import { AdminClient } from '../live/admin-client.js'
import { watch } from '../live/watch.js'

export const inspectCommand: Command = {
  ...inspectFileCommand,
  summary: 'shows what is in a log, or lives in a server',
  operands: ['FILE|URL'],
  flags: [
    ...inspectFileCommand.flags,
    { name: 'every', value: 'TIME', help: 'Of a server: how often to look', default: '2s' },
    { name: 'once', help: 'Of a server: look once, and end' },
    {
      name: 'token-file',
      value: 'FILE',
      env: 'HOLDFAST_TOKEN_FILE',
      help: 'Of a server that is not on this machine: a token with admin of all collections',
    },
  ],
  secrets: [{ name: 'token', env: 'HOLDFAST_TOKEN', fileFlag: 'token-file' }],
  about: `
Collections, documents, who reads them and how far they are, what was set aside. Of a file it reads
counters only, so it is quick for any size, and may run while an archive is writing.

Of a server (http://HOST:PORT) it is live: drawn anew on a terminal until Ctrl-C, elsewhere a line each
time. It asks the admin API, which is for this machine, or for a token with admin.`,
  examples: [
    ['inspect data/archive.db', 'an overview'],
    ['inspect data/archive.db --collection notes --limit 100', 'more of one collection'],
    ['inspect http://127.0.0.1:4440', 'what a running archive does, live'],
    ['inspect https://sync.example.org --token-file admin.jwt --once --json', 'for programs'],
  ],
  run: async (given, context) => {
    const target = given.operand('FILE|URL')
    if (!/^(https?|wss?):\/\//i.test(target)) {
      return inspectFileCommand.run({ ...given, operand: () => target }, context)
    }
    const client = new AdminClient(urlOf(target), await given.secret('token'), {
      ...present('collection', given.value('collection')),
      limit: countOf(given, 'limit') ?? defaultLimit,
    })
    const isJson = given.isOn('json')
    return watch(client, {
      everyMs: durationMsOf(given, 'every') ?? defaultEveryMs,
      isOnce: given.isOn('once') || isJson,
      isJson,
      context,
    })
  },
}

/** Peers' address of an archive is as good. */
function urlOf(text: string): URL {
  try {
    return new URL(text.replace(/^ws/i, 'http'))
  } catch (cause) {
    throw new Mistake(`'${text}' is no address: http://127.0.0.1:4440 is one.`, { cause })
  }
}

const defaultLimit = 20
const defaultEveryMs = 2_000
