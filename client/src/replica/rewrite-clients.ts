import { sorted } from '@holdfast/peer/protocol'
import { writeVarUint } from 'lib0/encoding'
import * as Y from 'yjs'

/** Clocks of one client that become another's: from `from` to before `to`, which begin at `start`. */
export interface Renamed {
  readonly from: number
  readonly to: number
  readonly start: number
}

/** Which clocks of which clients go by another name from now on. */
export interface Renaming {
  readonly client: number
  readonly newClient: number
  /** Ascending, disjoint. */
  readonly ranges: readonly Renamed[]
}

/**
 * The same update with some ids given to another client, wherever it speaks of them: as ids of
 * structs, as origins and parents, as deletions. Exact: content, order and everything else stay.
 *
 * @param bytes an update, V1, that the bounded reader has accepted
 */
export function rewriteClients(bytes: Uint8Array, renaming: Renaming): Uint8Array {
  const { structs, ds } = Y.decodeUpdate(bytes)
  const structsByClient = new Map<number, Struct[]>()
  for (const struct of structs) {
    for (const piece of cut(struct, renaming)) {
      const { client } = piece.id
      const some = structsByClient.get(client)
      if (some === undefined) structsByClient.set(client, [piece])
      else some.push(piece)
    }
  }
  const encoder = new Y.UpdateEncoderV1()
  writeStructs(encoder, structsByClient)
  writeDeletes(encoder, renamedDeletes(ds.clients, renaming))
  return encoder.toUint8Array()
}

type Struct = Y.Item | Y.GC | Y.Skip

function renamed({ client, clock }: Y.ID, renaming: Renaming): Y.ID {
  if (client !== renaming.client) return Y.createID(client, clock)
  const range = renaming.ranges.find(({ from, to }) => from <= clock && clock < to)
  return range === undefined
    ? Y.createID(client, clock)
    : Y.createID(renaming.newClient, range.start + clock - range.from)
}

/** In pieces that are renamed as a whole or not at all; with their new names. */
function cut(struct: Struct, renaming: Renaming): readonly Struct[] {
  const pieces: Struct[] = []
  let rest = struct
  for (const edge of edgesIn(struct, renaming)) {
    const right = splitAt(rest, edge - rest.id.clock)
    pieces.push(rest)
    rest = right
  }
  pieces.push(rest)
  return pieces.map((piece) => named(piece, renaming))
}

function edgesIn({ id, length }: Struct, { client, ranges }: Renaming): readonly number[] {
  if (id.client !== client) return []
  return ranges
    .flatMap(({ from, to }) => [from, to])
    .filter((edge) => id.clock < edge && edge < id.clock + length)
}

/** Leaves the first `offset` clocks in the struct, and gives the others. */
function splitAt(struct: Struct, offset: number): Struct {
  const { client, clock } = struct.id
  const id = Y.createID(client, clock + offset)
  const restLength = struct.length - offset
  if (!(struct instanceof Y.Item)) {
    struct.length = offset
    return struct instanceof Y.GC ? new Y.GC(id, restLength) : new Y.Skip(id, restLength)
  }
  const last = Y.createID(client, clock + offset - 1)
  const { rightOrigin, parent, parentSub } = struct
  const content = struct.content.splice(offset)
  struct.length = offset
  return new Y.Item(id, null, last, null, rightOrigin, parent, parentSub, content)
}

function named(struct: Struct, renaming: Renaming): Struct {
  const id = renamed(struct.id, renaming)
  if (struct instanceof Y.GC) return new Y.GC(id, struct.length)
  if (struct instanceof Y.Skip) return new Y.Skip(id, struct.length)
  const origin = struct.origin === null ? null : renamed(struct.origin, renaming)
  const right = struct.rightOrigin === null ? null : renamed(struct.rightOrigin, renaming)
  const parent = struct.parent instanceof Y.ID ? renamed(struct.parent, renaming) : struct.parent
  return new Y.Item(id, null, origin, null, right, parent, struct.parentSub, struct.content)
}

function writeStructs(encoder: Y.UpdateEncoderV1, byClient: ReadonlyMap<number, Struct[]>): void {
  writeVarUint(encoder.restEncoder, byClient.size)
  for (const [client, structs] of sorted(byClient, ([a], [b]) => b - a)) {
    const ordered = withoutHoles(sorted(structs, (a, b) => a.id.clock - b.id.clock))
    writeVarUint(encoder.restEncoder, ordered.length)
    encoder.writeClient(client)
    writeVarUint(encoder.restEncoder, ordered[0]?.id.clock ?? 0)
    for (const struct of ordered) struct.write(encoder, 0)
  }
}

/** Where some of a client's structs have another name now, a Skip stands in their place. */
function withoutHoles(structs: readonly Struct[]): readonly Struct[] {
  const filled: Struct[] = []
  let clock = structs[0]?.id.clock ?? 0
  for (const struct of structs) {
    const { id } = struct
    if (id.clock > clock) filled.push(new Y.Skip(Y.createID(id.client, clock), id.clock - clock))
    filled.push(struct)
    clock = id.clock + struct.length
  }
  return filled
}

type Deletes = Map<number, { readonly clock: number; readonly len: number }[]>

function renamedDeletes(clients: Deletes, { client, newClient, ranges }: Renaming): Deletes {
  const all: Deletes = new Map()
  const add = (name: number, clock: number, len: number): void => {
    const some = all.get(name)
    if (some === undefined) all.set(name, [{ clock, len }])
    else some.push({ clock, len })
  }
  for (const [name, deletes] of clients) {
    for (const { clock, len } of deletes) {
      let at = clock
      const end = clock + len
      for (const { from, to, start } of name === client ? ranges : []) {
        const first = Math.max(at, from)
        const last = Math.min(end, to)
        if (first >= last) continue
        if (at < first) add(name, at, first - at)
        add(newClient, start + first - from, last - first)
        at = last
      }
      if (at < end) add(name, at, end - at)
    }
  }
  return all
}

function writeDeletes(encoder: Y.UpdateEncoderV1, clients: Deletes): void {
  writeVarUint(encoder.restEncoder, clients.size)
  for (const [client, ranges] of sorted(clients, ([a], [b]) => b - a)) {
    encoder.resetDsCurVal()
    writeVarUint(encoder.restEncoder, client)
    writeVarUint(encoder.restEncoder, ranges.length)
    for (const { clock, len } of sorted(ranges, (a, b) => a.clock - b.clock)) {
      encoder.writeDsClock(clock)
      encoder.writeDsLen(len)
    }
  }
}
