export interface Column<Row> {
  readonly title: string
  readonly of: (row: Row) => string
  /** Numbers stand at the right. */
  readonly isNumber?: boolean
}

/** Rows below their titles, columns as wide as they have to be, two spaces between. */
export function tableText<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const cells = rows.map((row) => columns.map((column) => column.of(row)))
  const widths = columns.map(({ title }, at) =>
    Math.max(title.length, ...cells.map((line) => line[at]?.length ?? 0)),
  )
  const lines = [columns.map(({ title }) => title), ...cells].map((line) =>
    line
      .map((cell, at) => {
        const width = widths[at] ?? 0
        return columns[at]?.isNumber === true ? cell.padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd(),
  )
  return `${lines.join('\n')}\n`
}
