/** What the picture shows, as facts. Who draws it knows nothing of Holdfast, and the other way round. */

export type LineKind =
  /** Straight from peer to peer. */
  | 'direct'
  /** Between two peers, passed on by the signaller. */
  | 'relayed'
  /** Between two tabs of one browser. */
  | 'tab'
  /** To the archive. */
  | 'archive'

export interface Participant {
  readonly id: string
  readonly name: string
  readonly colour: string
  readonly isSelf: boolean
  /** Everything up to here is in its store; undefined where it has not said. */
  readonly seq: number | undefined
  /** It hangs on to the archive itself. */
  readonly isAnchored: boolean
}

export interface Line {
  readonly from: string
  /** A participant, or `archiveId`. */
  readonly to: string
  readonly kind: LineKind
}

/** The archive has made one snapshot of a document's entries. */
export interface Compaction {
  readonly document: string
  /** So many entries went into it. */
  readonly removed: number
  /** Of the log's last compaction of this document. */
  readonly through: number
}

type ArchiveState = 'none' | 'away' | 'working' | 'here'

export interface MeshModel {
  readonly participants: readonly Participant[]
  readonly lines: readonly Line[]
  readonly archive: { readonly state: ArchiveState; readonly head: number | undefined }
  /** The last one since this page is here. */
  readonly compaction: Compaction | undefined
}

export const archiveId = 'archive'

/** One name for a line, whichever end it is told from. */
export function keyOfLine({ from, to }: Line): string {
  return from < to ? `${from} ${to}` : `${to} ${from}`
}

export function countOf(lines: readonly Line[], kind: LineKind): number {
  return lines.filter((line) => line.kind === kind).length
}

/** The picture in a sentence, for those who do not see it. */
export function sentenceOf({ participants, lines, archive }: MeshModel): string {
  const count = (kind: LineKind): number => countOf(lines, kind)
  const others = participants.length - 1
  const parts = [
    others === 0 ? 'Nobody else is here' : `You and ${others} other${others === 1 ? '' : 's'}`,
  ]
  const links: string[] = []
  if (count('direct') > 0) links.push(`${count('direct')} direct`)
  if (count('relayed') > 0) links.push(`${count('relayed')} through the signaller`)
  if (count('tab') > 0) links.push(`${count('tab')} between tabs`)
  if (links.length > 0) parts.push(`links: ${links.join(', ')}`)
  if (archive.state === 'here') parts.push(`the archive is here, at entry ${archive.head ?? 0}`)
  else if (archive.state === 'working') parts.push('the archive is being reached')
  else if (archive.state === 'away') parts.push('the archive cannot be reached')
  return `${parts.join('; ')}.`
}
