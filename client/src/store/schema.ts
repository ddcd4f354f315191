import type { Statement } from './driver.js'

/*
 * What a replica keeps. One database holds all collections of an app.
 *
 *   collections ──< documents ──< updates, snapshots      what the documents are made of
 *                       ├───────< ops ──< answers         what is owed, and what archives have said
 *                       ├───────< kept, quarantined       what was set aside
 *                       └───────< places                  where it stands in the logs of archives
 *   collections ──< cursors                               how far the logs of archives are held
 *   openings                                              names for the openings of archives' logs
 *   facts                                                 the replica's id, the version of all this
 *
 * Keys are given by the replica, ascending, so that what a statement does follows from its text.
 */

/** Raised with every change below; what an older version has written is brought up to it. */
export const schemaVersion = 1

/** The statements that bring a store from the version before to this one, by version. */
export const migrations: ReadonlyMap<number, readonly Statement[]> = new Map([
  [
    1,
    [
      `CREATE TABLE facts (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL)`,
      `CREATE TABLE collections (key INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE)`,
      // The latest generation of each document; the ones before it have ended.
      `CREATE TABLE documents (
        key INTEGER NOT NULL PRIMARY KEY,
        collection INTEGER NOT NULL,
        id TEXT NOT NULL,
        generation INTEGER NOT NULL,
        has_content INTEGER NOT NULL,
        digest TEXT,
        is_damaged INTEGER NOT NULL,
        row_count INTEGER NOT NULL,
        row_bytes INTEGER NOT NULL,
        snapshot_bytes INTEGER NOT NULL,
        UNIQUE (collection, id)
      )`,
      `CREATE TABLE snapshots (document INTEGER NOT NULL PRIMARY KEY, bytes BLOB NOT NULL)`,
      // The seq, where an archive's stream brought it: poison is set aside under that name.
      `CREATE TABLE updates (
        key INTEGER NOT NULL PRIMARY KEY,
        document INTEGER NOT NULL,
        bytes BLOB NOT NULL,
        opening INTEGER,
        seq INTEGER
      )`,
      `CREATE INDEX updates_by_document ON updates (document, key)`,
      `CREATE TABLE openings (
        key INTEGER NOT NULL PRIMARY KEY,
        archive TEXT NOT NULL,
        term TEXT NOT NULL,
        UNIQUE (archive, term)
      )`,
      // Ops keep their own bytes for ever, whatever becomes of the document's rows.
      `CREATE TABLE ops (
        key INTEGER NOT NULL PRIMARY KEY,
        document INTEGER NOT NULL,
        generation INTEGER NOT NULL,
        kind TEXT NOT NULL,
        instance TEXT NOT NULL,
        n INTEGER NOT NULL,
        is_own INTEGER NOT NULL,
        hash TEXT,
        bytes BLOB NOT NULL
      )`,
      `CREATE TABLE answers (
        op INTEGER NOT NULL,
        archive TEXT NOT NULL,
        outcome TEXT NOT NULL,
        term TEXT NOT NULL,
        seq INTEGER,
        PRIMARY KEY (op, archive)
      )`,
      `CREATE TABLE kept (
        key INTEGER NOT NULL PRIMARY KEY,
        document INTEGER NOT NULL,
        generation INTEGER NOT NULL,
        is_own INTEGER NOT NULL,
        code TEXT NOT NULL,
        at_ms INTEGER NOT NULL,
        bytes BLOB NOT NULL
      )`,
      `CREATE TABLE quarantined (
        key INTEGER NOT NULL PRIMARY KEY,
        document INTEGER NOT NULL,
        opening INTEGER,
        seq INTEGER,
        reason TEXT NOT NULL,
        bytes BLOB NOT NULL
      )`,
      `CREATE TABLE cursors (
        collection INTEGER NOT NULL,
        archive TEXT NOT NULL,
        term TEXT NOT NULL,
        seq INTEGER NOT NULL,
        is_whole INTEGER NOT NULL,
        is_compared INTEGER NOT NULL,
        PRIMARY KEY (collection, archive)
      )`,
      `CREATE TABLE places (
        document INTEGER NOT NULL,
        archive TEXT NOT NULL,
        seq INTEGER NOT NULL,
        PRIMARY KEY (document, archive)
      )`,
    ].map((sql) => ({ sql })),
  ],
])
