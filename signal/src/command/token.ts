import { mintToken, type AccessByGlob } from '@holdfast/access'
import {
  durationMsOf,
  keyFlags,
  Mistake,
  present,
  printable,
  secretOfTokens,
  type Command,
} from '@holdfast/command'

export const tokenCommand: Command = {
  name: 'token',
  summary: 'prints a token for clients',
  operands: [],
  flags: [
    {
      name: 'collection',
      value: 'GLOB=ACCESS',
      isList: true,
      help: "Such as 'notes/*=write'; read, write or admin. Needed",
    },
    {
      name: 'expires',
      value: 'TIME',
      help: 'How long from now: 90s, 15m, 12h or 30d',
      default: '1h',
    },
    { name: 'subject', value: 'NAME', help: 'Whose it is, for logs' },
    ...keyFlags.slice(0, 1),
  ],
  secrets: [secretOfTokens],
  about: `
Signs what it is asked for with the secret that the servers have (HS256). It is printed and kept nowhere;
whoever has it has the access that it names until it expires.`,
  examples: [
    [
      "token --collection 'notes/*=write' --secret-file /etc/holdfast/secret",
      'to read and write, for an hour',
    ],
    [
      "token --collection '*=admin' --expires 15m --subject ada --secret-file /etc/holdfast/secret",
      'for an operator',
    ],
  ],
  run: async (given, { clock, terminal }) => {
    const secret = await given.secret('secret')
    const collections = given.list('collection')
    if (secret === undefined) {
      throw new Mistake('token needs --secret-file FILE or HOLDFAST_SECRET.')
    }
    if (collections === undefined) {
      throw new Mistake("token needs --collection GLOB=ACCESS, as in: --collection 'notes/*=write'")
    }
    const token = await mintToken(
      {
        secret,
        access: accessByGlobOf(collections) as AccessByGlob,
        expiresInMs: durationMsOf(given, 'expires') ?? hourMs,
        ...present('subject', given.value('subject')),
      },
      clock,
    )
    terminal.write(`${token}\n`)
    return 0
  },
}

/** `notes/*=write` and the like as the claim of a token. The access itself is checked when minted. */
function accessByGlobOf(items: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    items.map((item) => {
      const at = item.lastIndexOf('=')
      if (at < 1) {
        throw new Mistake(`--collection takes GLOB=ACCESS; it got '${printable(item)}'.`)
      }
      return [item.slice(0, at), item.slice(at + 1)]
    }),
  )
}

const hourMs = 60 * 60_000
