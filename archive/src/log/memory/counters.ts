/** What statistics count since the log was opened. */
export class Counters {
  appended = 0
  contained = 0
  readonly refusedByCode = new Map<string, number>()
  groups = 0
  lastGroupOps = 0
  published = 0
  retiredRows = 0
  failedCompactions = 0
  laggards = 0
  /** Ops of the group that is being prepared. */
  groupOps = 0
}
