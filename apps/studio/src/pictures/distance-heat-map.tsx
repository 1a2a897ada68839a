import { type KeyboardEvent, useId, useMemo, useState } from 'react'
import { bitsText, number } from './format.ts'
import { heatScale } from './heat.ts'
import { HeatLegend } from './heat-legend.tsx'
import { shortNames } from './names.ts'
import { Picture } from './picture.tsx'

export interface DistanceHeatMapProps {
  readonly sensitivity: {
    readonly points: readonly { readonly node: string }[]
    readonly rows: readonly {
      readonly node: string
      readonly candidates: readonly { readonly bits: number; readonly points: readonly number[] }[]
    }[]
  }
  /** Bits that the rows got, in their order; shown first. */
  readonly chosen?: readonly (number | null)[]
}

/** Pixels of a cell: larger when there are few. */
const cellFor = (points: number): number => (points <= 12 ? 30 : points <= 30 ? 24 : 18)

/** Layer x interest point: what moves where, when one layer alone has the bits. Arrow keys move a cursor over it. */
export function DistanceHeatMap({ sensitivity: { points, rows }, chosen }: DistanceHeatMapProps) {
  const widths = [...new Set(rows.flatMap(({ candidates }) => candidates.map(({ bits }) => bits)))].sort(
    (a, b) => b - a,
  )
  const [bits, setBits] = useState<number | 'chosen'>(chosen ? 'chosen' : (widths.at(-1) ?? 8))
  const [at, setAt] = useState<readonly [number, number] | null>(null)
  const select = useId()
  const values = useMemo(() => distancesAt(rows, bits, chosen), [rows, bits, chosen])
  const scale = useMemo(() => heatScale(values.flat()), [values])
  const [rowNames, pointNames] = [shortNames(rows.map(({ node }) => node)), shortNames(points.map(({ node }) => node))]
  const cell = cellFor(points.length)
  const [width, height] = [points.length * cell, rows.length * cell]
  const read = at && `${rows[at[0]]!.node} moves ${points[at[1]]!.node} by ${number(values[at[0]]![at[1]])}`
  const cells = useMemo(
    () =>
      values.map((row, r) =>
        row.map((value, p) =>
          value === null || value <= 0 ? null : (
            <rect
              // biome-ignore lint/suspicious/noArrayIndexKey: the place is the identity
              key={`${r}-${p}`}
              x={p * cell}
              y={r * cell}
              width={cell - 1}
              height={cell - 1}
              style={{ fill: scale.colour(value) }}
            />
          ),
        ),
      ),
    [values, scale, cell],
  )
  const move = (event: KeyboardEvent) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key]
    if (!step) return
    event.preventDefault()
    const [r, p] = at ?? [0, 0]
    const clamp = (x: number, most: number) => Math.min(most - 1, Math.max(0, x))
    setAt(at ? [clamp(r + step[0]!, rows.length), clamp(p + step[1]!, points.length)] : [0, 0])
  }
  return (
    <Picture
      summary={distanceSummary(rows, points, values)}
      table={() => ({
        columns: [{ name: 'layer' }, ...points.map(({ node }) => ({ name: node, numeric: true }))],
        rows: rows.map(({ node }, r) => [node, ...values[r]!.map((value) => number(value))]),
      })}
    >
      <div className="pic-controls">
        <label htmlFor={select}>Bits of the one layer that is quantized</label>
        <select
          id={select}
          value={bits}
          onChange={(event) => setBits(event.target.value === 'chosen' ? 'chosen' : Number(event.target.value))}
        >
          {chosen && <option value="chosen">those that it got</option>}
          {widths.map((width) => (
            <option key={width} value={width}>
              {bitsText(width)}
            </option>
          ))}
        </select>
      </div>
      <HeatLegend scale={scale} what="distance" />
      <div className="pic-scroll pic-tall pic-distances">
        <div className="pic-grid" style={{ gridTemplateColumns: `max-content ${width}px` }}>
          <ol className="pic-row-names" aria-hidden="true" style={{ lineHeight: `${cell}px` }}>
            {rowNames.map((name, r) => (
              <li key={rows[r]!.node} title={rows[r]!.node} className={at?.[0] === r ? 'pic-at' : undefined}>
                {name}
              </li>
            ))}
          </ol>
          {/* biome-ignore lint/a11y/useSemanticElements: a picture with a cursor, not a form element */}
          <svg
            role="group"
            // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys move the cursor
            tabIndex={0}
            aria-label="Distances by layer and interest point; arrow keys read one after the other"
            width={width}
            height={height}
            onKeyDown={move}
            onPointerMove={(event) => {
              const box = event.currentTarget.getBoundingClientRect()
              const [r, p] = [
                Math.floor((event.clientY - box.top) / cell),
                Math.floor((event.clientX - box.left) / cell),
              ]
              if (r >= 0 && r < rows.length && p >= 0 && p < points.length) setAt([r, p])
            }}
            onPointerLeave={() => setAt(null)}
          >
            <rect className="pic-still" width={width} height={height} />
            {cells}
            {at && <rect className="pic-cursor" x={at[1] * cell} y={at[0] * cell} width={cell - 1} height={cell - 1} />}
          </svg>
          <span />
          <ol className="pic-column-names" aria-hidden="true">
            {pointNames.map((name, p) => (
              <li
                key={points[p]!.node}
                title={points[p]!.node}
                style={{ width: cell, lineHeight: `${cell}px` }}
                className={at?.[1] === p ? 'pic-at' : undefined}
              >
                {name}
              </li>
            ))}
          </ol>
        </div>
      </div>
      <p className="pic-readout" aria-live="polite">
        {read ??
          'Rows: the layer that is quantized. Columns: where the float and the quantized model are compared. Blank: does not move.'}
      </p>
    </Picture>
  )
}

/** The distances of every row at some bits; null where a row has no such candidate. */
export function distancesAt(
  rows: DistanceHeatMapProps['sensitivity']['rows'],
  bits: number | 'chosen',
  chosen?: readonly (number | null)[],
): (number | null)[][] {
  const points = Math.max(0, ...rows.map(({ candidates }) => candidates[0]?.points.length ?? 0))
  return rows.map(({ candidates }, r) => {
    const wanted = bits === 'chosen' ? chosen?.[r] : bits
    const found = candidates.find((candidate) => candidate.bits === wanted)
    return found ? [...found.points] : new Array<null>(points).fill(null)
  })
}

/** Who moves what most, and how much of the picture does not move. */
export function distanceSummary(
  rows: readonly { readonly node: string }[],
  points: readonly { readonly node: string }[],
  values: readonly (readonly (number | null)[])[],
): string {
  let best: [number, number] | null = null
  let still = 0
  for (const [r, row] of values.entries())
    for (const [p, value] of row.entries()) {
      if (value === 0) still++
      if (value !== null && value > 0 && (!best || value > values[best[0]]![best[1]]!)) best = [r, p]
    }
  if (!best) return 'Nothing moves.'
  const [r, p] = best
  const share = Math.round((100 * still) / (rows.length * points.length))
  return `Largest distance: ${rows[r]!.node} moves ${points[p]!.node} by ${number(values[r]![p])}. ${share} % of the pairs do not move, since the point lies before the layer.`
}
