import { Child } from './child.js'
import type { ServerKind } from './server-process.js'

/** What the clients' process does; all clients of a measurement live in one. */
export interface ClientCommands {
  /** Of all its threads, since its start. */
  cpuMs(): number
  /** So many more clients of one document, one after the other; resolves when all have it. */
  join(kind: ServerKind, url: string, count: number, document: string): Promise<void>
  /** All who have joined are gone. */
  leave(): void
  /**
   * The first client makes so many edits, one each so often, of so many letters; resolves when
   * everybody has all, or after a while with what has come.
   */
  spread(edits: number, everyMs: number, letters?: number): Promise<Spread>
  /** Each client makes edits, with so many unanswered at most, or so many a second in all: begins to. */
  startIngest(options: IngestOptions): Promise<void>
  /** What came of it from now on, for so long; then it ends. */
  ingest(forMs: number): Promise<Ingest>
  /** One client uploads a document of so many bytes, in pastes of a quarter of a megabyte. */
  upload(kind: ServerKind, url: string, bytes: number, document: string): Promise<void>
  /** So many clients open a document at once, and are gone when they have it. */
  storm(kind: ServerKind, url: string, count: number, document: string): Promise<Storm>
  /** All are gone and come back at once with their cursors (the archive's clients only). */
  reconnect(url: string): Promise<Reconnected>
  /** One more reader of the archive, whose socket takes in so much. */
  joinSlowly(url: string, bytesPerSecond: number): Promise<void>
  /** Bytes to the last client for each edit of the first, which says whom its links have reached. */
  egress(edits: number, isDelivered: boolean): Promise<number>
  /** Types so many keystrokes into the archive; how long applying their state to a Y.Doc takes. */
  typeKeystrokes(url: string, keystrokes: number, document: string): Promise<number>
  /** So many edits of so many documents in all, by clients that are gone afterwards. */
  fill(url: string, rows: number, documents: number): Promise<void>
  /** The median time of so many rounds to come to the head with nothing at hand, taking nothing in. */
  catchUp(kind: ServerKind, url: string, rows: number, rounds: number): Promise<number>
  /** The median time of so many to open a document with nothing at hand. */
  open(url: string, rounds: number, document: string): Promise<number>
}

export interface Spread {
  readonly arrivals: number
  readonly expected: number
  readonly p50Ms: number
  readonly p99Ms: number
}

export interface IngestOptions {
  readonly kind: ServerKind
  readonly url: string
  readonly writers: number
  readonly inFlight: number
  /** Of all together; absent: as many as are answered. */
  readonly perSecond?: number
  /** All in one document, so that each edit goes to all others too; default: each in its own. */
  readonly isShared?: boolean
}

export interface Ingest {
  readonly perSecond: number
  /** Edits of others that came, a second. */
  readonly arrivedPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

export interface Storm {
  readonly tookMs: number
  readonly arrived: number
}

interface Reconnected {
  readonly tookMs: number
  readonly atHead: number
  /** A client, after the upgrade, WebSocket headers included. */
  readonly sentBytes: number
  readonly receivedBytes: number
}

export async function withClients<T>(
  use: (clients: Child<ClientCommands>) => Promise<T>,
): Promise<T> {
  const child = await Child.start<ClientCommands>('client-main.js', [])
  try {
    return await use(child)
  } finally {
    child.stop()
  }
}
