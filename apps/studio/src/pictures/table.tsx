import { type ReactNode, useId, useState } from 'react'

export interface Column {
  readonly name: string
  /** Right-aligned. */
  readonly numeric?: boolean
}

/** Rows of a table; the first cell names its row. */
export interface Table {
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly ReactNode[])[]
}

/** A table that scrolls inside its own box, never the page. */
export function DataTable({ columns, rows, label }: Table & { readonly label: string }) {
  const style = (i: number) => (columns[i]?.numeric ? 'pic-number' : undefined)
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
    <section className="pic-scroll" tabIndex={0} aria-label={label}>
      <table className="pic-table">
        <thead>
          <tr>
            {columns.map(({ name }, i) => (
              <th key={name} scope="col" className={style(i)}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((cells, r) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows never change places
            <tr key={r}>
              {cells.map((cell, i) =>
                i === 0 ? (
                  <th key={columns[i]!.name} scope="row">
                    {cell}
                  </th>
                ) : (
                  <td key={columns[i]!.name} className={style(i)}>
                    {cell}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

/** The same numbers as a table, built when it is opened. */
export function TableToggle({ table, label }: { readonly table: () => Table; readonly label: string }) {
  const [open, setOpen] = useState(false)
  const id = useId()
  return (
    <div className="pic-toggle">
      <button type="button" aria-expanded={open} aria-controls={id} onClick={() => setOpen(!open)}>
        {open ? 'Hide the table' : 'Show as table'}
      </button>
      <div id={id}>{open && <DataTable {...table()} label={label} />}</div>
    </div>
  )
}
