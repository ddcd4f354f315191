import type { Sql } from './sql.adapter.js'

/*
 * The tables of a log, and how a file of an earlier version becomes one of this version.
 * docs/decisions/0010-log-schema.md says why they are cut like this.
 *
 *   collections ─┬─ collection_terms ── terms
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
 */
const migrations: readonly string[] = [
  `
  -- Who this archive is, and sums over everything, so that statistics cost nothing. One row.
  CREATE TABLE archive (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    archive TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    last_entry INTEGER NOT NULL DEFAULT 0,       -- highest entries.id ever given out
    filed_through INTEGER NOT NULL DEFAULT 0,    -- entries up to this id are in tails and ops
    rows INTEGER NOT NULL DEFAULT 0,
    row_bytes INTEGER NOT NULL DEFAULT 0,
    documents INTEGER NOT NULL DEFAULT 0,
    snapshots INTEGER NOT NULL DEFAULT 0,
    snapshot_bytes INTEGER NOT NULL DEFAULT 0,
    gapped_documents INTEGER NOT NULL DEFAULT 0,
    parked_bytes INTEGER NOT NULL DEFAULT 0,
    quarantined INTEGER NOT NULL DEFAULT 0,
    quarantined_bytes INTEGER NOT NULL DEFAULT 0
  );

  -- One row for each opening of the file.
  CREATE TABLE terms (
    term TEXT PRIMARY KEY,
    ordinal INTEGER NOT NULL,                    -- 1, 2, …: in the order of the openings
    opened_at_ms INTEGER NOT NULL
  ) WITHOUT ROWID;

  CREATE TABLE collections (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    head INTEGER NOT NULL,                       -- seq of the last entry; never lowered
    documents INTEGER NOT NULL                   -- generations, deleted ones included
  );

  -- The head of a collection before the first entry of a term in it.
  CREATE TABLE collection_terms (
    collection INTEGER NOT NULL,
    term INTEGER NOT NULL,                       -- terms.ordinal
    start_seq INTEGER NOT NULL,
    PRIMARY KEY (collection, term)
  ) WITHOUT ROWID;

  CREATE TABLE documents (
    id INTEGER PRIMARY KEY,
    collection INTEGER NOT NULL,
    name TEXT NOT NULL,
    generation INTEGER NOT NULL,
    deleted_seq INTEGER NOT NULL,                -- of the tombstone; 0 while the generation lives
    last_seq INTEGER NOT NULL,
    pruned_through INTEGER NOT NULL,             -- seq of its last row that was deleted
    snapshot_seq INTEGER NOT NULL,               -- everything up to here is in the snapshot
    snapshot_bytes INTEGER NOT NULL,             -- of its state
    tail_rows INTEGER NOT NULL,                  -- rows that are stored, whether in the snapshot or not
    tail_bytes INTEGER NOT NULL,
    covered_rows INTEGER NOT NULL,               -- of those: rows that the snapshot stands for
    covered_bytes INTEGER NOT NULL,
    tail_since_ms INTEGER NOT NULL,              -- when the oldest stored row came
    parked_rows INTEGER NOT NULL,
    parked_bytes INTEGER NOT NULL,
    gapped_since_ms INTEGER NOT NULL,            -- 0 without a gap
    ripe INTEGER NOT NULL,                       -- bytes that compaction would look at; 0 below the thresholds
    failures INTEGER NOT NULL,                   -- compactions that failed since the last that did not
    retry_at_ms INTEGER NOT NULL,
    last_error TEXT NOT NULL
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
    collection INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    document INTEGER NOT NULL,
    kind INTEGER NOT NULL,                       -- 0 row, 1 tombstone
    at_ms INTEGER NOT NULL,
    producer INTEGER NOT NULL,                   -- producers.id; 0 unless it came as a live op
    n INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    bytes BLOB NOT NULL
  );
  CREATE UNIQUE INDEX entries_by_seq ON entries (collection, seq);

  CREATE TABLE tails (
    document INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    entry INTEGER NOT NULL,                      -- entries.id
    PRIMARY KEY (document, seq)
  ) WITHOUT ROWID;

  CREATE TABLE ops (
    producer INTEGER NOT NULL,
    n INTEGER NOT NULL,
    document INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL,                          -- see opHash; empty: that of the row's bytes
    PRIMARY KEY (producer, n)
  ) WITHOUT ROWID;

  -- Instances that wrote live in a collection. All but the name is as of the last filing.
  CREATE TABLE producers (
    id INTEGER PRIMARY KEY,
    collection INTEGER NOT NULL,
    instance TEXT NOT NULL,
    highest_n INTEGER NOT NULL,
    rows INTEGER NOT NULL,                       -- of its ops: those still in entries
    seen_at_ms INTEGER NOT NULL
  );
  CREATE UNIQUE INDEX producers_by_instance ON producers (instance, collection);

  -- Who writes under a clientID in a document. Of a generation that has ended: all who wrote in it.
  CREATE TABLE authors (
    document INTEGER NOT NULL,
    client INTEGER NOT NULL,
    instance TEXT NOT NULL,                      -- empty: it is only known that it has ended
    PRIMARY KEY (document, client)
  ) WITHOUT ROWID;

  -- What a document's rows add up to, so that a cold document costs its recent rows only.
  CREATE TABLE checkpoints (
    document INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL,                        -- everything up to here is in it
    checksum INTEGER NOT NULL,
    bytes BLOB NOT NULL
  );

  -- Two generations of a document at most, the newer with the higher id.
  CREATE TABLE snapshots (
    id INTEGER PRIMARY KEY,
    document INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    settled INTEGER NOT NULL,                    -- 1 once it was read back after a checkpoint
    at_ms INTEGER NOT NULL,
    size INTEGER NOT NULL,                       -- of bytes
    checksum INTEGER NOT NULL,                   -- of state_vector, coverage and parked
    bytes_checksum INTEGER NOT NULL,
    state_vector BLOB NOT NULL,
    coverage BLOB NOT NULL,
    parked BLOB NOT NULL,                        -- rows that did not integrate, with their seqs
    bytes BLOB NOT NULL                          -- last: the others are read without it
  );
  CREATE INDEX snapshots_by_document ON snapshots (document, id);

  CREATE TABLE leases (
    collection TEXT NOT NULL,
    replica TEXT NOT NULL,
    instance TEXT NOT NULL,
    sent INTEGER NOT NULL,
    ack INTEGER NOT NULL,
    seen_at_ms INTEGER NOT NULL,
    PRIMARY KEY (collection, replica, instance)
  ) WITHOUT ROWID;

  CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY,
    collection INTEGER NOT NULL,
    name TEXT NOT NULL,
    generation INTEGER NOT NULL,
    seq INTEGER,                                 -- of the row that was set aside
    instance TEXT,                               -- if it was a live op
    n INTEGER,
    reason TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    size INTEGER NOT NULL,
    hash TEXT NOT NULL,                          -- see opHash; empty where the bytes are not what came
    bytes BLOB                                   -- absent beyond the cap
  );
  CREATE INDEX quarantine_of_rows ON quarantine (collection, name, generation, seq)
    WHERE seq IS NOT NULL;
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

/** SQLite keeps each statement as it is written, in the file: comments and margins are not for it. */
function bare(statements: string): string {
  return statements.replaceAll(/--.*$/gm, '').replaceAll(/\s+/g, ' ')
}
