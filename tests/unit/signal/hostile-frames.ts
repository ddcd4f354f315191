/** What strangers may send to the signalling server: a seeded stream of it. */
import type { InstanceId } from '@holdfast/peer/protocol'
import type { SeededRandom } from '@holdfast/peer/testing'

export interface HostileFrame {
  readonly kind: Kind
  /** A text message, or the bytes of a binary one. */
  readonly data: string | Uint8Array
}

type Make = (random: SeededRandom, known: readonly InstanceId[]) => string | Uint8Array

const makers = {
  'random text': (random) => Buffer.from(random.bytes(random.below(300))).toString('latin1'),
  'random bytes': (random) => random.bytes(random.below(300)),
  truncated(random, known) {
    const text = JSON.stringify(someMessage(random, known))
    return text.slice(0, random.below(text.length))
  },
  spliced(random, known) {
    const text = JSON.stringify(someMessage(random, known))
    const at = random.below(text.length)
    return text.slice(0, at) + random.pick(splices) + text.slice(at + random.below(3))
  },
  nested: (random) => random.pick(openings).repeat(1 + random.below(3_000)),
  huge: (random, known) =>
    random.chance(0.5)
      ? JSON.stringify({ ...someMessage(random, known), data: 'x'.repeat(random.below(70_000)) })
      : 'x'.repeat(60_000 + random.below(10_000)),
  'wrong type'(random, known) {
    const message: Record<string, unknown> = someMessage(random, known)
    message[random.pick(Object.keys(message))] = random.pick(wrongValues)
    return JSON.stringify(message)
  },
  prototype(random, known) {
    const said = JSON.stringify(someMessage(random, known))
    return `{"__proto__":${said},"constructor":{"prototype":1},"type":"${random.pick(types)}"}`
  },
  'another room': (random, known) =>
    JSON.stringify({ ...someMessage(random, known), collection: `room ${random.below(5_000)}` }),
  stranger: (random) => JSON.stringify(message('signal', random, hex(random))),
  forged: (random, known) =>
    JSON.stringify({
      ...message('join', random, random.pick(known)),
      instance: random.pick(known),
      resume: hex(random),
      access: 'admin',
    }),
  relay(random) {
    const frame = new Uint8Array(5 + random.below(2_000))
    frame[0] = 1
    frame.set(random.bytes(4), 1)
    return frame
  },
  many: (random, known) =>
    JSON.stringify({
      ...message('join', random, random.pick(known)),
      standing: Array.from({ length: random.below(2_000) }, () => random.pick(known)),
    }),
} as const satisfies Record<string, Make>

export type Kind = keyof typeof makers
export const kinds = Object.keys(makers) as readonly Kind[]

/** @param known ids of honest peers, which the stranger has found out */
export function hostileFrame(random: SeededRandom, known: readonly InstanceId[]): HostileFrame {
  const kind = random.pick(kinds)
  return { kind, data: makers[kind](random, known) }
}

const openings = ['[', '{"a":', '[{"a":', '{"type":"join","token":[']

const types = [
  'join',
  'leave',
  'signal',
  'renew',
  'relay-open',
  'relay-close',
  'watch',
  'ping',
  'pong',
]
  .concat(['subscribe', 'unsubscribe', 'publish'])
  .concat(['joined', 'neighbours', 'error', 'drain', 'toString', '__proto__', ''])

const wrongValues = [
  null,
  -1,
  1e300,
  0.5,
  true,
  '',
  [],
  {},
  [[]],
  'x'.repeat(200),
  '\u0000',
].concat(['\ud800', '__proto__', Number.MAX_SAFE_INTEGER])

const splices = ['"', '\\', '{', '}', '[', ']', ',', ':', '\u0000', '\ud800', '\\u00', '1e999', ' ']

function someMessage(random: SeededRandom, known: readonly InstanceId[]): Record<string, unknown> {
  return message(random.pick(types), random, random.pick(known))
}

/** A message that could be right. */
function message(type: string, random: SeededRandom, to: string): Record<string, unknown> {
  return {
    type,
    version: 1,
    collection: 'notes',
    replica: hex(random),
    instance: hex(random),
    role: random.chance(0.9) ? 'peer' : 'archive',
    capabilities: [],
    standing: [],
    to,
    token: 'token',
    data: 'data',
    topics: ['notes'],
    topic: 'notes',
  }
}

function hex(random: SeededRandom): string {
  return Buffer.from(random.bytes(16)).toString('hex')
}
