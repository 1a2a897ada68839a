import { memo, useMemo } from 'react'
import { bitsText, number } from './format.ts'
import { type HeatScale, heatScale } from './heat.ts'
import { HeatLegend } from './heat-legend.tsx'
import { shortNames } from './names.ts'
import { Picture } from './picture.tsx'

/** One layer (or activation) with the sensitivity of each of its candidates. */
export interface HeatRow {
  readonly node: string
  /** Bits that it got; null: not chosen yet. */
  readonly chosen: number | null
  readonly candidates: readonly { readonly bits: number; readonly sensitivity: number | null }[]
}

export interface SensitivityHeatMapProps {
  readonly rows: readonly HeatRow[]
  /** Of what: for its headings. Default `layer`. */
  readonly what?: 'layer' | 'activation'
  readonly picked?: string | null
  readonly onPick?: (node: string) => void
}

/** How much each bit-width of each layer would hurt: a table whose cells are coloured by their logarithm. */
export function SensitivityHeatMap({ rows, what = 'layer', picked, onPick }: SensitivityHeatMapProps) {
  const { widths, scale, names, summary } = useMemo(
    () => ({
      widths: [...new Set(rows.flatMap(({ candidates }) => candidates.map(({ bits }) => bits)))].sort((a, b) => b - a),
      scale: heatScale(rows.flatMap(({ candidates }) => candidates.map(({ sensitivity }) => sensitivity))),
      names: shortNames(rows.map(({ node }) => node)),
      summary: heatSummary(rows, what),
    }),
    [rows, what],
  )
  return (
    <Picture summary={summary}>
      <HeatLegend scale={scale} what="sensitivity" />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard */}
      <section className="pic-scroll pic-tall" tabIndex={0} aria-label={`Sensitivity by ${what} and candidate`}>
        <table className="pic-heat">
          <thead>
            <tr>
              <th scope="col">{what}</th>
              {widths.map((width) => (
                <th key={width} scope="col">
                  {bitsText(width)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, r) => (
              <HeatLine
                key={row.node}
                row={row}
                name={names[r]!}
                widths={widths}
                scale={scale}
                picked={picked === row.node}
                onPick={onPick}
              />
            ))}
          </tbody>
        </table>
      </section>
    </Picture>
  )
}

interface HeatLineProps {
  readonly row: HeatRow
  readonly name: string
  readonly widths: readonly number[]
  readonly scale: HeatScale
  readonly picked: boolean
  readonly onPick: ((node: string) => void) | undefined
}

/** One line: hundreds of them stay as they are when another is picked. */
const HeatLine = memo(({ row: { node, chosen, candidates }, name, widths, scale, picked, onPick }: HeatLineProps) => (
  <tr className={picked ? 'pic-picked' : undefined}>
    <th scope="row" title={node}>
      {onPick ? (
        <button type="button" className="pic-name" aria-pressed={picked} onClick={() => onPick(node)}>
          {name}
        </button>
      ) : (
        <span className="pic-name">{name}</span>
      )}
    </th>
    {widths.map((width) => {
      const candidate = candidates.find(({ bits }) => bits === width)
      if (!candidate) return <td key={width} className="pic-none" aria-label="no such candidate" />
      const value = candidate.sensitivity
      return (
        <td
          key={width}
          className={`${value === null ? '' : scale.ink(value)}${chosen === width ? ' pic-chosen' : ''}`}
          style={value === null ? undefined : { background: scale.colour(value) }}
          title={`${node} at ${bitsText(width)}: sensitivity ${number(value)}${chosen === width ? ' (chosen)' : ''}`}
        >
          {number(value)}
          {chosen === width && <span className="visually-hidden"> chosen</span>}
        </td>
      )
    })}
  </tr>
))

/** The layer that is hurt most, at its chosen candidate and at its narrowest one. */
export function heatSummary(rows: readonly HeatRow[], what: 'layer' | 'activation' = 'layer'): string {
  const measured = rows.filter(({ candidates }) => candidates.some(({ sensitivity }) => sensitivity !== null))
  if (measured.length === 0) return `No ${what} was measured: without a budget there is nothing to choose.`
  const at = ({ candidates, chosen }: HeatRow) =>
    candidates.find(({ bits }) => bits === chosen)?.sensitivity ?? Number.NEGATIVE_INFINITY
  const narrowest = ({ candidates }: HeatRow) => candidates.at(-1)?.sensitivity ?? Number.NEGATIVE_INFINITY
  const worst = measured.reduce((a, b) => (narrowest(b) > narrowest(a) ? b : a))
  const few = `Fewest bits hurt most at ${worst.node} (${number(narrowest(worst))} at ${bitsText(worst.candidates.at(-1)!.bits)})`
  const chosen = measured.filter(({ chosen }) => chosen !== null)
  if (chosen.length === 0) return `${few}.`
  const heaviest = chosen.reduce((a, b) => (at(b) > at(a) ? b : a))
  return `${few}; of what was chosen (framed), ${heaviest.node} costs most: ${number(at(heaviest))} at ${bitsText(heaviest.chosen)}.`
}
