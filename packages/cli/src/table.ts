/** A column: its heading, and `right` for numbers. */
export type Column = string | { readonly title: string; readonly right: true }

/** Rows under headings, columns two spaces apart, no trailing spaces. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const titles = columns.map((column) => (typeof column === 'string' ? column : column.title))
  const widths = titles.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (typeof columns[i] === 'string' ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd()
  return `${[line(titles), line(widths.map((width) => '─'.repeat(width))), ...rows.map(line)].join('\n')}\n`
}

/** A heading of a column of numbers. */
export const right = (title: string): Column => ({ title, right: true })
