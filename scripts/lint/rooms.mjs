// Who may know whom. A room is a folder; the most specific row wins; what a row does not name, its
// files may not import. `npm run lint` holds every import against this table.
//
//   peer/protocol ◄── peer/… ◄── archive, client ◄── cli
//   peer/ports    ◄──    ▲
//         ▲              └── peer/testing ◄── cli, bench, tests
//         └── access, command ◄── signal, archive ◄── cli
//
// Adding a dependency to a package means adding it here too: that is the moment to ask whether the
// package should know it.

/** Parts of lib0 that neither look at a clock nor draw a random number nor touch the platform. */
const lib0 = [
  'array',
  'binary',
  'buffer',
  'decoding',
  'encoding',
  'error',
  'function',
  'hash/sha256',
]
  .concat(['map', 'math', 'number', 'object', 'prng', 'set', 'string'])
  .map((part) => `lib0/${part}`)

/** What the servers may use of Node without an adapter: the same answer for the same question. */
const pureNode = ['assert', 'buffer', 'events', 'path', 'url', 'util'].map((name) => `node:${name}`)

/** The functions of `node:crypto` that draw no random number. */
export const pureNodeCrypto = ['createHash', 'hash', 'createHmac', 'timingSafeEqual']

const protocolAndPorts = ['@holdfast/peer/protocol', '@holdfast/peer/ports']

/** @type {readonly Room[]} */
export const rooms = [
  { folder: 'peer/src/protocol', knows: lib0 },
  { folder: 'peer/src/ports', knows: [] },
  // What servers and peers do alike with Yjs' bytes: with it they need not load the mesh.
  { folder: 'peer/src/yjs', knows: ['yjs'] },
  {
    folder: 'peer/src/testing',
    knows: ['peer/src', 'peer/src/protocol', 'peer/src/ports', ...lib0, 'yjs'],
  },
  {
    folder: 'peer/src',
    knows: ['peer/src/protocol', 'peer/src/ports', 'peer/src/yjs', ...lib0, 'yjs'],
    adaptersKnow: ['simple-peer', 'y-protocols'],
  },
  {
    folder: 'access/src',
    knows: protocolAndPorts,
    // jose reads the clock unless told the time.
    adaptersKnow: ['jose'],
  },
  // Its adapters are the terminal and the files that are read.
  { folder: 'command/src', knows: ['@holdfast/peer/ports'] },
  {
    folder: 'signal/src',
    knows: [
      ...protocolAndPorts,
      '@holdfast/access',
      '@holdfast/command',
      ...pureNode,
      'node:crypto',
    ],
    // pino and prom-client are the outside world.
    adaptersKnow: ['pino', 'prom-client', 'ws'],
  },
  {
    folder: 'archive/src',
    knows: [...protocolAndPorts, '@holdfast/peer', '@holdfast/access', ...lib0].concat([
      '@holdfast/command',
      '@holdfast/peer/archive-link',
      '@holdfast/peer/yjs',
      'yjs',
      ...pureNode,
      'node:crypto',
    ]),
    adaptersKnow: ['@roamhq/wrtc', 'better-sqlite3', 'pino', 'prom-client', 'ws'],
  },
  // What renders an app: it knows the surface, and React, which all else does without.
  {
    folder: 'client/src/react',
    knows: ['client/src', '@holdfast/peer', '@holdfast/peer/ports', 'react', 'yjs'],
  },
  {
    folder: 'client/src',
    knows: [...protocolAndPorts, '@holdfast/peer', '@holdfast/peer/yjs', ...lib0, 'yjs'].concat(
      '@holdfast/peer/archive-link',
      'client/src/react',
    ),
    adaptersKnow: ['better-sqlite3', 'sql.js', 'y-protocols'],
  },
]

/** These hold no promise about time and chance, and may know every package, by its exports. */
export const openRooms = ['cli', 'tests', 'bench', 'examples', 'scripts']

/**
 * Workspaces for proof and measurement: nothing that is shipped imports them. What is measured in the
 * simulated world is measured in that of the tests.
 */
export const privateNames = ['@holdfast/tests', '@holdfast/bench']

/**
 * Adapters wrap what the world provides (time, chance, sockets, disks, WebRTC) as a port. They are
 * known by name, so that a reader sees at once where a package touches the ground.
 */
export function isAdapter(path) {
  return (
    path === 'peer/src/ports/system.ts' ||
    path.endsWith('.adapter.ts') ||
    /^[a-z]+\/src\/main\.ts$/.test(path)
  )
}

/**
 * @typedef {object} Room
 * @property {string} folder Relative to the root.
 * @property {readonly string[]} knows Folders of its own package, packages or parts of packages.
 * @property {readonly string[]} [adaptersKnow] What only its adapters may import besides. They may
 *   also import all of Node.
 */
