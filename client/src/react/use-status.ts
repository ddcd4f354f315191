import type { Undo } from '@holdfast/peer/ports'
import type {
  Client,
  ClientStatus,
  Collection,
  CollectionStatus,
  Document,
  DocumentState,
} from '../api.js'
import { useTold } from './told.js'

type Subject = Client | Collection | Document

/**
 * How a client, a collection or a document stands: rendered anew when that changes. Undefined while
 * there is none yet.
 */
export function useStatus(of: Client): ClientStatus
export function useStatus(of: Collection): CollectionStatus
export function useStatus(of: Document): DocumentState
export function useStatus(of: Client | undefined): ClientStatus | undefined
export function useStatus(of: Collection | undefined): CollectionStatus | undefined
export function useStatus(of: Document | undefined): DocumentState | undefined
export function useStatus(
  of: Subject | undefined,
): ClientStatus | CollectionStatus | DocumentState | undefined {
  return useTold(of, read, listen)
}

function read(
  of: Subject | undefined,
): ClientStatus | CollectionStatus | DocumentState | undefined {
  if (of === undefined) return undefined
  return 'state' in of ? of.state : of.status
}

function listen(of: Subject | undefined, news: () => void): Undo {
  if (of === undefined) return () => {}
  return 'state' in of ? of.onState(news) : of.onStatus(news)
}
