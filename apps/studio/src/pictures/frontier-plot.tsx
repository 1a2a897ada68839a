import * as Plot from '@observablehq/plot'
import { useCallback } from 'react'
import { bytes, byteTick, number, percent, tick } from './format.ts'
import { heatTicks } from './heat.ts'
import { Picture } from './picture.tsx'
import { PlotView } from './plot-view.tsx'

/** A point of the curve: bytes of weights, and the least sensitivity that they buy. */
export interface CurvePoint {
  readonly weightsMemory: number
  readonly sensitivity: number
}

/** A choice on the curve, or beside it. */
export interface ChosenPoint extends CurvePoint {
  /** Such as `chosen` or a weighting's name. */
  readonly name: string
}

export interface FrontierPlotProps {
  /** Cheapest first. */
  readonly points: readonly CurvePoint[]
  readonly chosen: readonly ChosenPoint[]
  /** Bytes of the float weights: what shares are shares of. */
  readonly floatBytes: number
  /** The limit that was set, in bytes. */
  readonly budget?: number | null
  /** Called with the index of the point under a click. */
  readonly onPick?: (index: number) => void
}

/** What every budget buys: bytes against sensitivity, on a logarithmic axis. */
export function FrontierPlot(props: FrontierPlotProps) {
  const { points, chosen, floatBytes, budget, onPick } = props
  const plot = useCallback(
    (width: number) => frontierOptions({ points, chosen, floatBytes, budget: budget ?? null }, width),
    [points, chosen, floatBytes, budget],
  )
  const pick = useCallback((datum: unknown) => onPick?.(points.indexOf(datum as CurvePoint)), [points, onPick])
  const summary = frontierSummary(props)
  return (
    <Picture
      summary={summary}
      table={() => ({
        columns: ['weights', 'of float', 'sensitivity'].map((name, i) => ({ name, numeric: i > 0 })),
        rows: points.map(({ weightsMemory, sensitivity }) => [
          `${bytes(weightsMemory)}${chosen.some((one) => one.weightsMemory === weightsMemory) ? ' ← chosen' : ''}`,
          percent(weightsMemory / floatBytes),
          number(sensitivity),
        ]),
      })}
    >
      <PlotView plot={plot} label={summary} {...(onPick && { onPick: pick })} />
    </Picture>
  )
}

/** A logarithm has no zero: such a point is drawn a decade below the least positive one. */
function onLog(points: readonly CurvePoint[]): (value: number) => number {
  const least = Math.min(...points.map(({ sensitivity }) => sensitivity).filter((x) => x > 0 && Number.isFinite(x)))
  const floor = Number.isFinite(least) ? least / 10 : 1e-12
  return (value) => (value > 0 ? value : floor)
}

function frontierOptions(
  { points, chosen, floatBytes, budget }: Omit<FrontierPlotProps, 'onPick'>,
  width: number,
): Plot.PlotOptions {
  const y = onLog([...points, ...chosen])
  const at = { x: 'weightsMemory', y: ({ sensitivity }: CurvePoint) => y(sensitivity) }
  const narrow = width < 480
  const middle = ((points[0]?.weightsMemory ?? 0) + (points.at(-1)?.weightsMemory ?? 0)) / 2
  return {
    width,
    height: narrow ? 260 : 320,
    marginLeft: 58,
    marginRight: 24,
    marginBottom: 42,
    marginTop: 24,
    x: { label: 'weights', tickFormat: byteTick, ticks: Math.floor(width / 110), nice: true },
    y: {
      type: 'log',
      label: 'summed sensitivity',
      tickFormat: tick,
      ticks: heatTicks(span([...points, ...chosen].map(({ sensitivity }) => y(sensitivity)))),
      grid: true,
    },
    marks: [
      ...(budget
        ? [
            Plot.ruleX([budget], { stroke: 'var(--caution)', strokeWidth: 1.5, strokeDasharray: '5 3' }),
            Plot.text([budget], {
              x: (n: number) => n,
              frameAnchor: 'top',
              dy: 8,
              dx: 5,
              textAnchor: 'start',
              text: (n: number) => `budget ${bytes(n)}`,
              fill: 'var(--caution)',
              stroke: 'var(--surface-raised)',
              strokeWidth: 4,
            }),
          ]
        : []),
      Plot.line(points, { ...at, curve: 'step-after', stroke: 'var(--series-a)', strokeWidth: 1.5 }),
      ...(points.length <= 120 ? [Plot.dot(points, { ...at, r: 2.5, fill: 'var(--series-a)' })] : []),
      Plot.dot(chosen, {
        ...at,
        r: 7,
        fill: 'var(--surface-raised)',
        stroke: (_: ChosenPoint, i: number) => (i === 0 ? 'var(--ink)' : 'var(--series-b)'),
        strokeWidth: 3,
        symbol: (_: ChosenPoint, i: number) => (i === 0 ? 'circle' : 'diamond'),
      }),
      ...chosen.map((one) => {
        // On the side where there is room.
        const right = one.weightsMemory > middle
        return Plot.text([one], {
          ...at,
          text: ({ name, weightsMemory }: ChosenPoint) =>
            `${name}: ${bytes(weightsMemory)} (${percent(weightsMemory / floatBytes)})`,
          dy: -16,
          dx: right ? -6 : 6,
          textAnchor: right ? 'end' : 'start',
          fontWeight: 600,
          fill: 'var(--ink)',
          stroke: 'var(--surface-raised)',
          strokeWidth: 4,
        })
      }),
      Plot.tip(
        points,
        Plot.pointerX({
          ...at,
          title: ({ weightsMemory, sensitivity }: CurvePoint) =>
            `${bytes(weightsMemory)} (${percent(weightsMemory / floatBytes)})\nsensitivity ${number(sensitivity)}`,
          fill: 'var(--surface-raised)',
          stroke: 'var(--line-strong)',
        }),
      ),
    ],
  }
}

const span = (values: readonly number[]) => ({ min: Math.min(...values), max: Math.max(...values) })

/** The range of the curve, where the choice lies, and what a tenth more bytes would buy. */
export function frontierSummary({ points, chosen, floatBytes }: FrontierPlotProps): string {
  const [first, last] = [points[0], points.at(-1)]
  if (!first || !last) return 'There is no curve: weights were not searched.'
  const range = `${points.length} best trades from ${bytes(first.weightsMemory)} (${percent(first.weightsMemory / floatBytes)} of float, sensitivity ${number(first.sensitivity)}) to ${bytes(last.weightsMemory)} (${percent(last.weightsMemory / floatBytes)}, ${number(last.sensitivity)}).`
  return [range, ...chosen.map((one) => oneText(one, points, floatBytes))].join(' ')
}

function oneText(
  { name, weightsMemory, sensitivity }: ChosenPoint,
  points: readonly CurvePoint[],
  floatBytes: number,
): string {
  const here = `${name}: ${bytes(weightsMemory)} (${percent(weightsMemory / floatBytes)}), sensitivity ${number(sensitivity)}`
  const more = points
    .filter((point) => point.weightsMemory > weightsMemory && point.weightsMemory <= weightsMemory * 1.1)
    .at(-1)
  if (!more || !(sensitivity > 0)) return `${here}.`
  return `${here}; ${bytes(more.weightsMemory - weightsMemory)} more would take it to ${number(more.sensitivity)}.`
}
