/**
 * Rows end to end in one buffer. A compaction may take a hundred thousand of them from the thread
 * that reads to the thread that builds: one buffer changes hands without a copy, a hundred thousand
 * arrays would hold up the thread between.
 */
export interface PackedRows {
  /** Ascending. */
  readonly seqs: Float64Array<ArrayBuffer>
  /** Where each row's bytes end; they start where the row before it ends. */
  readonly ends: Float64Array<ArrayBuffer>
  readonly bytes: Uint8Array<ArrayBuffer>
}

export interface PackedRow {
  readonly seq: number
  /** A view into the pack. */
  readonly bytes: Uint8Array
}

export function packRows(rows: readonly PackedRow[]): PackedRows {
  const seqs = new Float64Array(rows.length)
  const ends = new Float64Array(rows.length)
  let end = 0
  rows.forEach((row, at) => {
    end += row.bytes.length
    seqs[at] = row.seq
    ends[at] = end
  })
  const bytes = new Uint8Array(end)
  rows.forEach((row, at) => bytes.set(row.bytes, (ends[at] as number) - row.bytes.length))
  return { seqs, ends, bytes }
}

export function* unpackRows({ seqs, ends, bytes }: PackedRows): Generator<PackedRow> {
  for (let at = 0, start = 0; at < seqs.length; at++) {
    const end = ends[at] as number
    yield { seq: seqs[at] as number, bytes: bytes.subarray(start, end) }
    start = end
  }
}
