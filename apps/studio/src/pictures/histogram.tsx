import * as Plot from '@observablehq/plot'
import { useCallback } from 'react'
import { bitsText, count, number, tick } from './format.ts'
import { PlotView } from './plot-view.tsx'
import { schemeText } from './schemes.ts'

export interface HistogramProps {
  /** Counts in bins of equal width from `min` to `max`. */
  readonly histogram: { readonly min: number; readonly max: number; readonly counts: readonly number[] }
  /** The grid to draw over it. */
  readonly grid: {
    readonly bits: number
    readonly threshold: number
    readonly scheme: string
    readonly points: readonly number[] | null
  } | null
}

/** The float weights of a layer, with the thresholds and the points of a grid. */
export function Histogram({ histogram, grid }: HistogramProps) {
  const plot = useCallback((width: number) => histogramPlot({ histogram, grid }, width), [histogram, grid])
  return <PlotView plot={plot} label={histogramSummary({ histogram, grid })} />
}

function histogramPlot({ histogram: { min, max, counts }, grid }: HistogramProps, width: number): Plot.PlotOptions {
  const step = (max - min) / counts.length || 1
  const bins = counts.map((n, i) => ({ from: min + i * step, to: min + (i + 1) * step, n }))
  const ends = grid ? [-grid.threshold, grid.threshold] : []
  return {
    width,
    height: 190,
    marginLeft: 44,
    marginTop: 20,
    marginBottom: 38,
    x: { label: 'float weight', nice: true, ticks: Math.floor(width / 70), tickFormat: tick },
    y: { label: 'weights', tickFormat: '~s', ticks: 4, grid: true },
    marks: [
      Plot.rectY(bins, {
        x1: 'from',
        x2: 'to',
        y: 'n',
        insetLeft: 0.5,
        insetRight: 0.5,
        fill: 'var(--ink-faint)',
        fillOpacity: 0.7,
      }),
      Plot.ruleY([0], { stroke: 'var(--line-strong)' }),
      // Points of the channel with the largest threshold; other channels have narrower grids.
      Plot.tickX(grid?.points ?? [], { stroke: 'var(--series-a)', strokeWidth: 1.5, strokeOpacity: 0.85 }),
      Plot.ruleX(ends, { stroke: 'var(--danger)', strokeWidth: 1.5, strokeDasharray: '5 3' }),
      Plot.text(ends.slice(1), {
        x: (x: number) => x,
        frameAnchor: 'top',
        dy: -14,
        text: () => 'threshold',
        fill: 'var(--danger)',
      }),
    ],
  }
}

/** The range of the weights and of the grid. */
export function histogramSummary({ histogram: { min, max, counts }, grid }: HistogramProps): string {
  const total = counts.reduce((sum, n) => sum + n, 0)
  const range = `Histogram of ${count(total, 'float weight')} from ${number(min)} to ${number(max)}`
  if (!grid) return `${range}.`
  const points = grid.points
    ? `, ${count(grid.points.length, 'point')} from ${number(grid.points[0])} to ${number(grid.points.at(-1))}`
    : ''
  return `${range}, with the grid of ${bitsText(grid.bits)} (${schemeText(grid.scheme)}): threshold ${number(grid.threshold)}${points}.`
}
