/** The border between a replica and its connection to an archive, as the connection draws it. */
export type {
  ArchiveLedger,
  ArchivePosition,
  CommittedOp,
  FetchedEntry,
  HoldingsPage,
  OwedOp,
  OwedPage,
  PageOutcome,
  RefusedOp,
  TakenPage,
} from '@holdfast/peer/archive-link'
