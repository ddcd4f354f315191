import { LogError } from '../errors.js'
import { Sql } from './sql.adapter.js'

/*
 * The tables of a log, and how a file of an earlier version becomes one of this version.
 * docs/decisions/0010-log-schema.md says why they are cut like this.
 *
 *   collections ─┬─ terms
 *                └─ documents ─┬─ entries ─┬─ tails   (document, seq) → entry   filed in batches
 *                              │           └─ ops     (producer, n)  → seq      filed in batches
 *                              ├─ snapshots, checkpoints, authors
 *                              └─ quarantine
 *   producers, leases, archive
 */

/** In the file's header: "Hold". Tells a log from any other SQLite database. */
export const applicationId = 0x486f6c64

export const schemaVersion = 1

/**
 * One migration for each version: the first makes the tables, the others change them. Each runs in
 * a transaction of its own together with the new version number. Never edit one that was released.
 *
 * No column is NULL unless it is said: the program's types see to it. All statements together fit
 * into the file's first page; with NOT NULL behind each column they would take three.
 */
const migrations: readonly string[] = [
  `
  -- Who this archive is, and sums over everything, so that statistics cost nothing. One row.
  CREATE TABLE archive (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    archive TEXT,
    created_at_ms INT,
    last_entry INT DEFAULT 0,                    -- highest entries.id ever given out
    filed_through INT DEFAULT 0,                 -- entries up to this id are in tails and ops
    rows INT DEFAULT 0,
    row_bytes INT DEFAULT 0,
    documents INT DEFAULT 0,
    snapshots INT DEFAULT 0,
    snapshot_bytes INT DEFAULT 0,
    gapped_documents INT DEFAULT 0,
    parked_bytes INT DEFAULT 0,
    quarantined INT DEFAULT 0,
    quarantined_bytes INT DEFAULT 0
  );

  -- With collection 0: one row for each opening of the file. With another: the head of that
  -- collection before the first entry of this opening in it.
  CREATE TABLE terms (
    collection INT,
    ordinal INT,                                 -- 1, 2, …: in the order of the openings
    start_seq INT,                               -- NULL for an opening
    term TEXT,                                   -- these two for an opening only
    opened_at_ms INT,
    PRIMARY KEY (collection, ordinal)
  ) WITHOUT ROWID;

  CREATE TABLE collections (
    id INTEGER PRIMARY KEY,
    name TEXT UNIQUE,
    head INT,                                    -- seq of the last entry; never lowered
    documents INT                                -- generations, deleted ones included
  );

  CREATE TABLE documents (
    id INTEGER PRIMARY KEY,
    collection INT,
    name TEXT,
    generation INT,
    deleted_seq INT,                             -- of the tombstone; 0 while the generation lives
    last_seq INT,
    pruned_through INT,                          -- seq of its last row that was deleted
    snapshot_seq INT,                            -- everything up to here is in the snapshot
    snapshot_bytes INT,                          -- of its state
    tail_rows INT,                               -- rows that are stored, whether in the snapshot or not
    tail_bytes INT,
    covered_rows INT,                            -- of those: rows that the snapshot stands for
    covered_bytes INT,
    tail_since_ms INT,                           -- when the oldest stored row came
    parked_rows INT,
    parked_bytes INT,
    gapped_since_ms INT,                         -- 0 without a gap
    ripe INT,                                    -- bytes that compaction would look at; 0 below the thresholds
    failures INT,                                -- compactions that failed since the last that did not
    retry_at_ms INT,
    last_error TEXT
  );
  CREATE UNIQUE INDEX documents_by_name ON documents (collection, name, generation);
  -- Where snapshots stand in the stream.
  CREATE INDEX documents_by_place ON documents (collection, pruned_through)
    WHERE pruned_through > 0 AND deleted_seq = 0;
  -- Those that somebody has to look after: few, and both questions are asked of them.
  CREATE INDEX documents_to_do ON documents (collection, gapped_since_ms, ripe)
    WHERE gapped_since_ms > 0 OR ripe > 0;

  CREATE TABLE entries (
    id INTEGER PRIMARY KEY,                      -- archive.last_entry: in order of arrival, never reused
    collection INT,
    seq INT,
    document INT,
    kind INT,                                    -- 0 row, 1 tombstone
    at_ms INT,
    producer INT,                                -- producers.id; 0 unless it came as a live op
    n INT,
    checksum INT,
    bytes BLOB
  );
  CREATE UNIQUE INDEX entries_by_seq ON entries (collection, seq);

  CREATE TABLE tails (
    document INT,
    seq INT,
    entry INT,                                   -- entries.id
    PRIMARY KEY (document, seq)
  ) WITHOUT ROWID;

  CREATE TABLE ops (
    producer INT,                                -- or −documents.id, n then being a seq: a row that
    n INT,                                       -- was taken out, whose bytes have to stay out
    document INT,
    seq INT,
    hash BLOB,                                   -- see opHash; empty: that of the row's bytes
    PRIMARY KEY (producer, n)
  ) WITHOUT ROWID;

  -- Instances that wrote live in a collection. All but the name is as of the last filing.
  CREATE TABLE producers (
    id INTEGER PRIMARY KEY,
    collection INT,
    instance TEXT,
    highest_n INT,
    rows INT,                                    -- of its ops: those still in entries
    seen_at_ms INT
  );
  CREATE UNIQUE INDEX producers_by_instance ON producers (instance, collection);

  -- Who writes under a clientID in a document. Of a generation that has ended: all who wrote in it.
  CREATE TABLE authors (
    document INT,
    client INT,
    instance TEXT,                               -- empty: it is only known that it has ended
    PRIMARY KEY (document, client)
  ) WITHOUT ROWID;

  -- What a document's rows add up to, so that a cold document costs its recent rows only.
  CREATE TABLE checkpoints (
    document INTEGER PRIMARY KEY,
    seq INT,                                     -- everything up to here is in it
    checksum INT,
    bytes BLOB
  );

  -- Two generations of a document at most: one that is settled, and a newer one that is not yet.
  CREATE TABLE snapshots (
    id INTEGER PRIMARY KEY,                      -- 2 × documents.id, or 1 more: whichever is free
    seq INT,
    settled INT,                                 -- 1 once it was read back after a checkpoint
    at_ms INT,
    size INT,                                    -- of bytes
    checksum INT,                                -- of state_vector, coverage and parked
    bytes_checksum INT,
    state_vector BLOB,
    coverage BLOB,
    parked BLOB,                                 -- rows that did not integrate, with their seqs
    bytes BLOB                                   -- last: the others are read without it
  );

  CREATE TABLE leases (
    collection TEXT,
    replica TEXT,
    instance TEXT,
    sent INT,
    ack INT,
    seen_at_ms INT,
    PRIMARY KEY (collection, replica, instance)
  ) WITHOUT ROWID;

  CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY,
    collection INT,
    name TEXT,
    generation INT,
    seq INT,                                     -- of the row that was set aside
    instance TEXT,                               -- if it was a live op
    n INT,
    reason TEXT,
    at_ms INT,
    size INT,
    hash TEXT,                                   -- see opHash; empty where the bytes are not what came
    bytes BLOB                                   -- absent beyond the cap
  );
  `,
]

/** Brings the file to this version, whatever version it has; 0 is an empty file. */
export function migrate(sql: Sql): void {
  for (let version = versionOf(sql); version < schemaVersion; version++) {
    sql.write(() => {
      sql.execute(`migrate to ${version + 1}`, bare(migrations[version] as string))
      sql.pragma(`application_id = ${applicationId}`)
      sql.pragma(`user_version = ${version + 1}`)
    })
  }
}

export function versionOf(sql: Sql): number {
  return sql.pragma('user_version') as number
}

/**
 * Throws `unsupported-file` for a file that this program cannot work with, in words that say what it
 * is, what is known here, and what to do. Older versions pass: they are migrated.
 */
export function checkVersion(sql: Sql, file: string): void {
  const version = versionOf(sql)
  if (version > schemaVersion) {
    throw new LogError(
      'unsupported-file',
      `${file} has version ${version} of the log, and this program knows those up to ${schemaVersion}: run the Holdfast that wrote it, or a newer one`,
    )
  }
  if (version < schemaVersion) return
  const missing = firstMissing(sql)
  if (missing === undefined) return
  throw new LogError(
    'unsupported-file',
    `${file} says that it has version ${version} of the log, but lacks ${missing}: a build from before that version was released wrote it. Nothing was changed. Export it with that build, and import the export into a new folder; or start with another folder`,
  )
}

/** The first table or column that a log of this version has and the file lacks. */
function firstMissing(sql: Sql): string | undefined {
  const fresh = new Sql({ file: ':memory:' })
  try {
    for (const statements of migrations) fresh.execute('expected', bare(statements))
    const present = new Set(columnsOf(sql))
    return columnsOf(fresh).find((column) => !present.has(column))
  } finally {
    fresh.close()
  }
}

function columnsOf(sql: Sql): string[] {
  return sql
    .readTuples<readonly [string, string]>(
      `SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c
       WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' ORDER BY t.name, c.cid`,
    )
    .all()
    .map(([table, column]) => `${table}.${column}`)
}

/** SQLite keeps each statement as it is written, in the file: comments and margins are not for it. */
function bare(statements: string): string {
  return statements
    .replaceAll(/--.*$/gm, '')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/(?<=[(,]) | (?=\))/g, '')
}
