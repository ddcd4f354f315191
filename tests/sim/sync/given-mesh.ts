import type { Position } from '@holdfast/peer'
import type { Access, DocumentId } from '@holdfast/peer/protocol'
import { createWorld, type PathConditions, type World } from '@holdfast/peer/testing'
import { contentOf, Kept, MeshPeer } from './mesh-peer.js'
import { WireTap } from './wire-tap.js'

export const note = 'note' as DocumentId

export interface GivenMeshOptions {
  readonly seed: string
  /** Whom each peer dials. */
  readonly dials: readonly (readonly number[])[]
  readonly access?: (index: number) => Access
  /** What the others are told of it; the same unless given. */
  readonly accessTold?: (index: number) => Access
  readonly path?: Partial<PathConditions>
  /** Whether documents that only others have opened are taken in. Default: yes. */
  readonly opensUnknown?: boolean
  /** Where each stands in an archive's log. */
  readonly position?: (index: number) => Position
}

/** A mesh of peers p0, p1 … on an honest network, for looking at what they say. */
export class GivenMesh {
  readonly world: World
  readonly tap: WireTap
  readonly peers: readonly MeshPeer[]

  constructor(options: GivenMeshOptions) {
    const { seed, dials, access = () => 'write', path = {} } = options
    const { accessTold = access, position } = options
    this.world = createWorld({ seed })
    this.world.network.setConditions({ delayMs: 20, ...path })
    this.tap = new WireTap(this.world)
    const accessOf = (host: string): Access => accessTold(Number(host.slice(1)))
    const peers: MeshPeer[] = []
    for (const [index, to] of dials.entries()) {
      const host = this.world.host(`p${index}`)
      host.start((life) => {
        const self = {
          kept: new Kept(),
          access: access(index),
          accessOf,
          opensUnknown: options.opensUnknown ?? true,
          ...(position === undefined ? {} : { position: () => position(index) }),
        }
        peers.push(new MeshPeer(life, { ...self, dials: to.map((other) => `p${other}`) }))
      })
    }
    this.peers = peers
  }

  peer(index: number): MeshPeer {
    const peer = this.peers[index]
    if (peer === undefined) throw new RangeError(`no peer ${index}`)
    return peer
  }

  /** Until every link says that both sides hold the same. */
  synced(): Promise<void> {
    return this.world.until(
      () =>
        this.peers.every(
          ({ sync }) => sync.sessions.length > 0 && sync.sessions.every(({ isSynced }) => isSynced),
        ),
      { maxVirtualMs: 60_000 },
    )
  }

  /** What each peer shows of a document. */
  contents(id: DocumentId = note): ReadonlySet<string> {
    return new Set(
      this.peers.map(({ documents }) => {
        const doc = documents.docOf(id)
        return doc === undefined ? 'nothing' : contentOf(doc)
      }),
    )
  }

  async close(): Promise<void> {
    for (const peer of this.peers) peer.close()
    await this.world.run(20_000)
  }
}

/** Everyone with everyone. */
export function fullMesh(size: number): readonly (readonly number[])[] {
  return Array.from({ length: size }, (_, index) =>
    Array.from({ length: size - index - 1 }, (_, ahead) => index + 1 + ahead),
  )
}

/** Each with the next. */
export function line(size: number): readonly (readonly number[])[] {
  return Array.from({ length: size }, (_, index) => (index + 1 < size ? [index + 1] : []))
}
