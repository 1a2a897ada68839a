import { ScrollBox } from './scroll-box.tsx'

export interface Column {
  readonly id: string
  readonly name: string
}

export interface ComparedRow {
  readonly name: string
  /** One per column. */
  readonly cells: readonly string[]
  readonly strong?: boolean
  /** The columns whose cell is a warning. */
  readonly alarming?: readonly boolean[]
}

interface Props {
  readonly label: string
  readonly columns: readonly Column[]
  readonly rows: readonly ComparedRow[]
}

/** Measures in rows, what is compared in columns. */
export const ComparisonTable = ({ label, columns, rows }: Props) => (
  <ScrollBox label={label}>
    <table className="table">
      <thead>
        <tr>
          <td />
          {columns.map(({ id, name }) => (
            <th key={id} scope="col" className="number">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(({ name, cells, strong, alarming }) => (
          <tr key={name} className={strong ? 'strong' : undefined}>
            <th scope="row">{name}</th>
            {columns.map(({ id }, i) => (
              <td key={id} className={`number ${alarming?.[i] ? 'alarming' : ''}`}>
                {cells[i]}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  </ScrollBox>
)
