// What the lint rules have to reject, and what they have to leave in peace: one file each, planted
// into a small copy of the house by direction.test.ts.

/** A file to plant, what it shows, and a piece of the finding that it has to cause. */
export interface Planting {
  readonly what: string
  readonly path: string
  readonly code: string
  readonly found: string
}

export const againstTheArrows: readonly Planting[] = [
  {
    what: 'the protocol knowing the ports, even by type',
    path: 'peer/src/protocol/knows-ports.ts',
    code: "import type { Clock } from '../ports/index.js'\nexport type A = Clock",
    found: "peer/src/protocol may not know '../ports/index.js'",
  },
  {
    what: 'the protocol knowing Yjs',
    path: 'peer/src/protocol/knows-yjs.ts',
    code: "import * as Y from 'yjs'\nexport const doc = () => new Y.Doc()",
    found: "peer/src/protocol may not know 'yjs'",
  },
  {
    what: 'the protocol loading Yjs later',
    path: 'peer/src/protocol/loads-yjs.ts',
    code: "export const load = () => import('yjs')",
    found: "peer/src/protocol may not know 'yjs'",
  },
  {
    what: 'the protocol naming a type of Yjs in place',
    path: 'peer/src/protocol/names-yjs.ts',
    code: "export type A = import('yjs').Doc",
    found: "peer/src/protocol may not know 'yjs'",
  },
  {
    what: 'the protocol passing Yjs on',
    path: 'peer/src/protocol/passes-yjs.ts',
    code: "export { Doc } from 'yjs'\nexport * from 'yjs'",
    found: "peer/src/protocol may not know 'yjs'",
  },
  {
    what: 'the ports knowing the protocol',
    path: 'peer/src/ports/knows-protocol.ts',
    code: "import { a } from '../protocol/index.js'\nexport const b = a",
    found: "peer/src/ports may not know '../protocol/index.js'",
  },
  {
    what: 'the ports knowing a library',
    path: 'peer/src/ports/knows-lib0.ts',
    code: "import * as math from 'lib0/math'\nexport const b = math.max",
    found: "peer/src/ports may not know 'lib0/math'",
  },
  {
    what: 'a peer that needs the simulated world to run',
    path: 'peer/src/mesh/knows-testing.ts',
    code: "import { a } from '../testing/index.js'\nexport const b = a",
    found: "peer/src may not know '../testing/index.js'",
  },
  {
    what: 'the peer knowing the signaller',
    path: 'peer/src/mesh/knows-signal.ts',
    code: "import * as signal from '@holdfast/signal'\nexport const b = signal",
    found: "peer/src may not know '@holdfast/signal'",
  },
  {
    what: 'the peer knowing itself by name',
    path: 'peer/src/mesh/knows-itself.ts',
    code: "import type { Clock } from '@holdfast/peer/ports'\nexport type A = Clock",
    found: "'@holdfast/peer/ports' is this package itself",
  },
  {
    what: 'the signaller knowing Yjs',
    path: 'signal/src/knows-yjs.ts',
    code: "import * as Y from 'yjs'\nexport const doc = () => new Y.Doc()",
    found: "signal/src may not know 'yjs'",
  },
  {
    what: 'the signaller knowing the whole peer',
    path: 'signal/src/knows-peer.ts',
    code: "import * as peer from '@holdfast/peer'\nexport const b = peer",
    found: "signal/src may not know '@holdfast/peer'",
  },
  {
    what: 'the archive knowing the client',
    path: 'archive/src/knows-client.ts',
    code: "import * as client from '@holdfast/client'\nexport const b = client",
    found: "archive/src may not know '@holdfast/client'",
  },
  {
    what: 'the archive standing on the simulated world',
    path: 'archive/src/knows-testing.ts',
    code: "import * as testing from '@holdfast/peer/testing'\nexport const b = testing",
    found: "archive/src may not know '@holdfast/peer/testing'",
  },
  {
    what: 'the client knowing the archive',
    path: 'client/src/knows-archive.ts',
    code: "import * as archive from '@holdfast/archive'\nexport const b = archive",
    found: "client/src may not know '@holdfast/archive'",
  },
  {
    what: 'a dependency that nobody has weighed',
    path: 'client/src/knows-stranger.ts',
    code: "import pad from 'left-pad'\nexport const b: unknown = pad",
    found: "client/src may not know 'left-pad'",
  },
  {
    what: "reaching into another package's files",
    path: 'archive/src/reaches-over.ts',
    code: "import { a } from '../../peer/src/protocol/index.js'\nexport const b = a",
    found: "'../../peer/src/protocol/index.js' leaves the package",
  },
  {
    what: "importing past another package's exports",
    path: 'tests/unit/reaches-past.ts',
    code: "import { systemClock } from '@holdfast/peer/dist/ports/system.js'\nexport const b = systemClock",
    found: "'@holdfast/peer/dist/ports/system.js' is not among the exports of @holdfast/peer",
  },
  {
    what: 'a product that imports the tests by name',
    path: 'cli/src/knows-tests.ts',
    code: "import * as tests from '@holdfast/tests'\nexport const b: unknown = tests",
    found: "'@holdfast/tests' is not among the exports of @holdfast/tests",
  },
  {
    what: 'a product that imports a file of the tests',
    path: 'client/src/reaches-tests.ts',
    code: "import { b } from '../../tests/unit/reaches-past.js'\nexport const c = b",
    found: "'../../tests/unit/reaches-past.js' leaves the package",
  },
  {
    what: 'an import whose target is computed',
    path: 'client/src/computes.ts',
    code: 'export const load = (name: string): Promise<unknown> => import(name)',
    found: 'An import whose target is computed cannot be checked',
  },
]

export const cycles: readonly Planting[] = [
  {
    what: 'a cycle of values',
    path: 'peer/src/mesh/cycle-a.ts',
    code: "import { b } from './cycle-b.js'\nexport const a = (): unknown => b",
    found: 'import(no-cycle)',
  },
  {
    what: 'a cycle of values, on its way back',
    path: 'peer/src/mesh/cycle-b.ts',
    code: "import { a } from './cycle-a.js'\nexport const b = (): unknown => a",
    found: 'import(no-cycle)',
  },
  {
    what: 'a cycle of types',
    path: 'archive/src/cycle-of-types-a.ts',
    code: "import type { B } from './cycle-of-types-b.js'\nexport interface A { readonly b: B }",
    found: 'import(no-cycle)',
  },
  {
    what: 'a cycle of types, on its way back',
    path: 'archive/src/cycle-of-types-b.ts',
    code: "import type { A } from './cycle-of-types-a.js'\nexport interface B { readonly a: A }",
    found: 'import(no-cycle)',
  },
]

/** Each reaches out without a port: what for, how, and the name that has to be caught. */
const reachingOut: readonly Omit<Planting, 'path'>[] = [
  ['the time of day', 'Date.now()', 'Date'],
  ['a date', 'new Date()', 'Date'],
  ['a stopwatch', 'performance.now()', 'performance'],
  ['a timer', 'setTimeout(() => {}, 1)', 'setTimeout'],
  ['a timer of the global object', 'globalThis.setTimeout(() => {}, 1)', 'globalThis'],
  ['an interval', 'setInterval(() => {}, 1)', 'setInterval'],
  ['an immediate', 'setImmediate(() => {})', 'setImmediate'],
  ['a deadline', 'AbortSignal.timeout(1)', 'AbortSignal.timeout'],
  ['chance', 'Math.random()', 'Math.random'],
  ['strong chance', 'crypto.getRandomValues(new Uint8Array(1))', 'crypto'],
  ['strong chance of the window', 'window.crypto.randomUUID()', 'window'],
  ['a socket', "new WebSocket('ws://localhost')", 'WebSocket'],
  ['a request', "String(fetch('http://localhost'))", 'fetch'],
  ['WebRTC', 'new RTCPeerConnection()', 'RTCPeerConnection'],
  ['a channel between pages', "new BroadcastChannel('a')", 'BroadcastChannel'],
  ['a thread', "new Worker('a.js')", 'Worker'],
  ['storage', 'indexedDB', 'indexedDB'],
  ['the process', 'process.hrtime()', 'process'],
  ['the console', 'console.log()', 'no-console'],
].map(([what = '', expression = '', name = '']) => ({
  what,
  code: `export const taken = (): unknown => ${expression}`,
  found: /^[a-zA-Z]+$/.test(name) ? `Unexpected use of '${name}'` : name,
}))

export const reachingOutByImport: readonly Planting[] = [
  {
    what: "Node's timers in the archive",
    path: 'archive/src/node-timers.ts',
    code: "import { setTimeout as sleep } from 'node:timers/promises'\nexport const a = sleep",
    found: "'node:timers/promises' belongs into an adapter",
  },
  {
    what: "Node's timers without their prefix",
    path: 'archive/src/bare-timers.ts',
    code: "import { setTimeout as sleep } from 'timers'\nexport const a = sleep",
    found: "'timers' belongs into an adapter",
  },
  {
    what: "Node's chance in the signaller",
    path: 'signal/src/node-chance.ts',
    code: "import { createHash, randomBytes } from 'node:crypto'\nexport const a = [createHash, randomBytes]",
    found: "'node:crypto' belongs into an adapter",
  },
  {
    what: "all of Node's crypto at once",
    path: 'signal/src/node-crypto.ts',
    code: "import * as everything from 'node:crypto'\nexport const a = everything",
    found: "'node:crypto' belongs into an adapter",
  },
  {
    what: 'sockets in the signaller',
    path: 'signal/src/sockets.ts',
    code: "import { WebSocketServer } from 'ws'\nexport const a = WebSocketServer",
    found: "'ws' belongs into an adapter",
  },
  {
    what: 'a database in the archive',
    path: 'archive/src/database.ts',
    code: "import Database from 'better-sqlite3'\nexport const a = Database",
    found: "'better-sqlite3' belongs into an adapter",
  },
  {
    what: 'files in the client',
    path: 'client/src/files.ts',
    code: "import { readFileSync } from 'node:fs'\nexport const a = readFileSync",
    found: "'node:fs' belongs into an adapter",
  },
  {
    what: "lib0's clock in the peer",
    path: 'peer/src/sync/lib0-time.ts',
    code: "import { getUnixTime } from 'lib0/time'\nexport const a = getUnixTime",
    found: "peer/src may not know 'lib0/time'",
  },
  {
    what: "the awareness of y-protocols, which arms timers, in the peer's core",
    path: 'peer/src/sync/awareness.ts',
    code: "import { Awareness } from 'y-protocols/awareness'\nexport const a = Awareness",
    found: "'y-protocols/awareness' belongs into an adapter",
  },
]

export const argued: readonly Planting[] = [
  ['any', 'export const a = (b: any): unknown => b', 'no-explicit-any'],
  [
    'an any that came from elsewhere',
    "export const a: string = JSON.parse('1')",
    'no-unsafe-assignment',
  ],
  ['a bare !', 'export const a = (b: string[]): string => b[0]!', 'no-non-null-assertion'],
  ['a silenced compiler', '// @ts-ignore\nexport const a: string = 1', 'ban-ts-comment'],
  [
    'a floating promise',
    'export const a = (b: Promise<void>): void => { b }',
    'no-floating-promises',
  ],
  [
    'a promise taken for a truth',
    'export const a = (b: Promise<boolean>): number => { if (b) return 1; return 2 }',
    'no-misused-promises',
  ],
  [
    'an empty catch',
    'export const a = (b: () => void): void => { try { b() } catch {} }',
    'no-empty',
  ],
  ['a thrown string', "export const a = (): never => { throw 'no' }", 'only-throw-error'],
  [
    'a forgotten case',
    "export const a = (b: 'x' | 'y'): void => { switch (b) { case 'x': break } }",
    'switch-exhaustiveness-check',
  ],
].map(([what = '', code = '', found = ''], index) => ({
  what,
  path: `peer/src/argued/case-${index}.ts`,
  code,
  found,
}))

export const badTests: readonly Planting[] = [
  ['a sleep', "test('a', () => new Promise((done) => { setTimeout(done, 1) }))", 'setTimeout'],
  [
    'an imported sleep',
    "import { setTimeout as sleep } from 'node:timers/promises'\ntest('a', () => sleep(1))",
    'node:timers/promises',
  ],
  ['a focused test', "test.only('a', () => {})", 'no-focused-tests'],
  ['a skipped test', "test.skip('a', () => {})", 'no-disabled-tests'],
  ['two tests of one title', "test('a', () => {})\ntest('a', () => {})", 'no-identical-title'],
].map(([what = '', code = '', found = ''], index) => ({
  what,
  path: `tests/sim/case-${index}.test.ts`,
  code: `import { test } from 'vitest'\n${code}`,
  found,
}))

/** All of these are fine where they are. */
export const allowed: Readonly<Record<string, string>> = {
  'peer/src/protocol/index.ts': 'export const a = 1',
  'peer/src/ports/index.ts': 'export interface Clock { now(): number }',
  'peer/src/ports/system.ts': 'export const now = (): number => Date.now() + Math.random()',
  'peer/src/testing/index.ts': "import { a } from '../protocol/index.js'\nexport { a }",
  'peer/src/sync/fine.ts':
    "import * as Y from 'yjs'\nimport { createEncoder } from 'lib0/encoding'\n" +
    "import { a } from '../protocol/index.js'\nimport type { Clock } from '../ports/index.js'\n" +
    // The names of the world may be used for one's own things, and as types.
    'export const b = (Date: Clock): unknown => [Date.now(), a, Y.Doc, createEncoder]\n' +
    'export const c = (start: () => void): void => queueMicrotask(start)\n' +
    'export interface D { readonly setTimeout: number; readonly at: Date }',
  'peer/src/links/webrtc.adapter.ts':
    "import { Awareness } from 'y-protocols/awareness'\n" +
    'export const open = (): unknown => [new RTCPeerConnection(), Awareness, Date.now()]',
  'signal/src/hash.ts':
    "import { createHash, timingSafeEqual } from 'node:crypto'\nimport type { WebSocket } from 'ws'\n" +
    "import * as protocol from '@holdfast/peer/protocol'\n" +
    'export const a = (socket: WebSocket): unknown => [createHash, timingSafeEqual, socket, protocol]',
  'signal/src/sockets.adapter.ts':
    "import { WebSocketServer } from 'ws'\nexport const open = (): unknown => new WebSocketServer({ port: 0 })",
  'signal/src/main.ts': 'console.log(process.argv.length, setTimeout(() => {}, 1), Date.now())',
  'archive/src/database.adapter.ts':
    "import Database from 'better-sqlite3'\nimport { Worker } from 'node:worker_threads'\n" +
    'export const open = (): unknown => [Database, Worker]',
  'archive/src/fine.ts':
    "import * as peer from '@holdfast/peer'\nimport { join } from 'node:path'\nexport const a = [peer, join]",
  'cli/src/fine.ts':
    "import * as testing from '@holdfast/peer/testing'\nimport * as archive from '@holdfast/archive'\n" +
    'export const a = (): unknown => [testing, archive, Date.now()]',
  'tests/unit/fine.ts':
    "import * as Y from 'yjs'\nimport * as signal from '@holdfast/signal'\nimport { spawn } from 'node:child_process'\n" +
    'export const a = (): unknown => [Y, signal, spawn, Date.now()]',
  'tests/real/fine.ts': 'export const a = (done: () => void): unknown => setTimeout(done, 1)',
}

/** The packages that see the world only through ports. */
const packages = ['peer', 'access', 'command', 'signal', 'archive', 'client']
export const everywhere = packages.flatMap((folder) =>
  reachingOut.map((planting, index) => ({
    ...planting,
    what: `${planting.what} in ${folder}`,
    path: `${folder}/src/reaching-out/case-${index}.ts`,
  })),
)
