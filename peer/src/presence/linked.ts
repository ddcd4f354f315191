/** One neighbour as presence sees it, on however many links at the moment, and what it is told. */
import type { DocumentRef, InstanceId, Message } from '../protocol/index.js'
import type { PresenceScope } from './presence-scope.js'

/** A link on which somebody is known to be at the other end. */
export interface PresenceLink {
  readonly instance: InstanceId | undefined
  /** False: it was not sent. */
  send(message: Message): boolean
}

export interface Linked {
  readonly instance: InstanceId
  readonly links: PresenceLink[]
  readonly viewed: Set<string>
  /** What it is passed by others: authors, each with the scope. */
  readonly informed: Set<string>
  /** What it will be passed from here. */
  readonly owed: Set<string>
  /** When it was last passed what from here. */
  readonly toldAtMs: Map<string, number>
  /** Whom it is linked with; undefined until it has said so. */
  neighbours: ReadonlySet<InstanceId> | undefined
  /** Something was not sent. */
  isBehind: boolean
  /** When it was last told that it is said to be gone. */
  rumouredAtMs: number
}

export function newLinked(instance: InstanceId): Linked {
  return {
    instance,
    links: [],
    viewed: new Set(),
    informed: new Set(),
    owed: new Set(),
    toldAtMs: new Map(),
    neighbours: undefined,
    isBehind: false,
    rumouredAtMs: -Infinity,
  }
}

/** Whether the scope's presence is for it. */
export function views({ viewed }: Linked, { document }: PresenceScope): boolean {
  return document === undefined || viewed.has(keyOf(document))
}

/** Whether it gets this author's presence by way of others only. */
export function lacks({ instance, neighbours }: Linked, author: InstanceId): boolean {
  return instance !== author && neighbours?.has(author) !== true
}

/** @param from whose it is, where it is not the sender's own */
export function presenceOf(
  { document }: PresenceScope,
  from: InstanceId | undefined,
  bytes: Uint8Array,
): Message {
  return {
    type: 'presence',
    ...(document === undefined ? {} : { document }),
    ...(from === undefined ? {} : { from }),
    bytes,
  }
}

/** Somebody may be gone. */
export function rumourOf(author: InstanceId): Message {
  return { type: 'presence', from: author, bytes: new Uint8Array(0) }
}

/** What an author shows in a scope. */
export function keyOfShown({ document }: PresenceScope, author: InstanceId): string {
  return document === undefined ? author : `${author} ${keyOf(document)}`
}

export function keyOf({ id, generation }: DocumentRef): string {
  return `${generation} ${id}`
}
