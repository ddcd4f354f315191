/** The connection to an archive: an archive that follows another one has the same. */
export * from '@holdfast/peer/archive-link'
