import { isDamage } from '../../log/sqlite/sql.adapter.js'
import { openForReading } from '../open-for-reading.js'
import { Pace, type ToolRun } from '../run.js'
import { checkDocuments } from './documents.js'
import { checkEntries } from './entries.js'
import { checkNumbering } from './numbering.js'
import { checkOps } from './ops.js'
import { Findings, type VerifyReport } from './report.js'
import { checkStructure } from './structure.js'
import { checkTotals } from './totals.js'
import type { Check } from './subject.js'

/**
 * Checks everything about a log that can be checked at rest, in one unchanging view of it, also
 * beside the archive that is writing it. Faults are found, counted and reported, never repaired.
 * Rejects only if the file cannot be opened as a log, or if it is stopped.
 *
 *     structure   SQLite's own check, and the tables of this version
 *     numbering   terms, collections: ascending, never beyond a counter, no seq unaccounted for
 *     entries     each belongs somewhere and is filed
 *     documents   each byte as it was written; snapshots complete; what is added up, added up again
 *     ops         who wrote what, and what is remembered of it
 *     totals      the sums over everything
 */
export async function verifyLog(file: string, run: ToolRun): Promise<VerifyReport> {
  const pace = new Pace(run)
  const reading = openForReading(file)
  const findings = new Findings()
  try {
    reading.holdView()
    for (const check of checks) {
      try {
        await check({ sql: reading.sql, findings, pace })
      } catch (error) {
        // What lies behind a broken page cannot be read; the other checks may still tell more.
        if (!isDamage(error)) throw error
        findings.add({ kind: 'structure', what: String(error) })
      }
    }
  } finally {
    reading.close()
  }
  return findings.report(reading.file)
}

const checks: readonly Check[] = [
  checkStructure,
  checkNumbering,
  checkEntries,
  checkDocuments,
  checkOps,
  checkTotals,
]
