/** Makes the picture's facts of what the client says, and of what others say of themselves. */
import type { ArchiveStatus, Client, Collection } from '@holdfast/client'
import type { Me } from '../me.js'
import {
  archiveId,
  keyOfLine,
  type Compaction,
  type Line,
  type LineKind,
  type MeshModel,
  type Participant,
} from './model.js'

/** What each page tells the others of itself, in the collection's presence. */
interface Told {
  readonly id: string
  readonly name: string
  readonly colour: string
  readonly seq: number | undefined
  readonly isAnchored: boolean
  readonly links: readonly { readonly id: string; readonly kind: LineKind }[]
}

export class MeshSource {
  readonly #client: Client
  readonly #collection: Collection
  #told = ''
  #head: number | undefined

  constructor(client: Client, collection: Collection) {
    this.#client = client
    this.#collection = collection
  }

  /** This page's own name in the mesh. */
  get self(): string {
    return this.#client.instance
  }

  /** Says to the others what they cannot know: whom this page is linked with, and how far it is. */
  tell({ name, colour }: Me): void {
    const archive = this.#archive
    const told: Told = {
      id: this.self,
      name,
      colour,
      seq: archive?.seq,
      isAnchored: archive?.state === 'live' || archive?.state === 'catching-up',
      links: this.#collection.links
        .filter(({ kind }) => kind !== 'archive')
        .map(({ id, path }) => ({ id, kind: kindOf(path) })),
    }
    const text = JSON.stringify(told)
    if (text === this.#told) return
    this.#told = text
    this.#collection.awareness.setLocalStateField('mesh', told)
  }

  /** @param compaction the last one since this page is here */
  read(compaction: Compaction | undefined): MeshModel {
    const told = this.#everybody()
    const participants: Participant[] = told.map(({ id, name, colour, seq, isAnchored }) => ({
      id,
      name,
      colour,
      seq,
      isAnchored,
      isSelf: id === this.self,
    }))
    const lineByKey = new Map<string, Line>()
    for (const { id, links, isAnchored } of told) {
      for (const { id: to, kind } of links) {
        const line = { from: id, to, kind }
        lineByKey.set(keyOfLine(line), line)
      }
      if (isAnchored) {
        const line = { from: id, to: archiveId, kind: 'archive' as const }
        lineByKey.set(keyOfLine(line), line)
      }
    }
    return {
      participants,
      lines: [...lineByKey.values()],
      archive: this.#rock(),
      compaction,
    }
  }

  /** One that was cut off by intent is not listed by the client: here it is away. */
  #rock(): MeshModel['archive'] {
    const archive = this.#archive
    if (archive === undefined) {
      return { state: this.#head === undefined ? 'none' : 'away', head: this.#head }
    }
    this.#head = archive.head ?? archive.seq ?? this.#head ?? 0
    return { state: stateOf(archive.state), head: this.#head }
  }

  get #archive(): ArchiveStatus | undefined {
    return this.#collection.status.archives[0]
  }

  #everybody(): readonly Told[] {
    const told: Told[] = []
    for (const state of this.#collection.awareness.getStates().values()) {
      const one = readTold(state['mesh'])
      if (one !== undefined && !told.some(({ id }) => id === one.id)) told.push(one)
    }
    return told.slice(0, 24)
  }
}

function stateOf(state: ArchiveStatus['state']): MeshModel['archive']['state'] {
  if (state === 'live') return 'here'
  return state === 'offline' || state === 'refused' ? 'away' : 'working'
}

function kindOf(path: string): LineKind {
  if (path === 'relay') return 'relayed'
  return path === 'port' ? 'tab' : 'direct'
}

/** Presence is what others say: nothing of it is believed to have a shape. */
function readTold(value: unknown): Told | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { id, name, colour, seq, isAnchored, links } = value as Record<string, unknown>
  if (typeof id !== 'string' || typeof name !== 'string') return undefined
  if (typeof colour !== 'string' || !/^#[0-9a-f]{6}$/.test(colour)) return undefined
  return {
    id,
    name: name.slice(0, 24),
    colour,
    seq: typeof seq === 'number' ? seq : undefined,
    isAnchored: isAnchored === true,
    links: Array.isArray(links) ? links.slice(0, 32).flatMap(readLink) : [],
  }
}

function readLink(value: unknown): Told['links'] {
  if (typeof value !== 'object' || value === null) return []
  const { id, kind } = value as Record<string, unknown>
  if (typeof id !== 'string') return []
  return kind === 'direct' || kind === 'relayed' || kind === 'tab' ? [{ id, kind }] : []
}
