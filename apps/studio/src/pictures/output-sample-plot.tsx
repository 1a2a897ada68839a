import * as Plot from '@observablehq/plot'
import { useCallback } from 'react'
import { count, decibel, number, tick } from './format.ts'
import { Picture } from './picture.tsx'
import { PlotView } from './plot-view.tsx'

export interface OutputSamplePlotProps {
  readonly output: string
  readonly float: readonly number[]
  readonly quantized: readonly number[]
}

/** Up to as many values stand side by side; more become a scatter plot. */
const fewValues = 40

/** One output for one sample: the float model beside the quantized one, and what is left between them. */
export function OutputSamplePlot({ output, float, quantized }: OutputSamplePlotProps) {
  const plot = useCallback(
    (width: number) => (float.length <= fewValues ? pairs(float, quantized, width) : scatter(float, quantized, width)),
    [float, quantized],
  )
  const residuals = useCallback((width: number) => residualOptions(float, quantized, width), [float, quantized])
  const summary = sampleSummary({ output, float, quantized })
  return (
    <Picture
      summary={summary}
      table={() => ({
        columns: ['index', 'float', 'quantized', 'difference'].map((name, i) => ({ name, numeric: i > 0 })),
        rows: float.map((x, i) => [i, number(x), number(quantized[i]), number(quantized[i]! - x)]),
      })}
    >
      <ul className="pic-legend">
        <li>
          <span className="pic-ring" aria-hidden="true" /> float
        </li>
        <li>
          <span className="pic-dot" aria-hidden="true" /> quantized
        </li>
      </ul>
      <PlotView plot={plot} label={summary} />
      <PlotView plot={residuals} label={`Differences at ${output}`} />
    </Picture>
  )
}

type Pair = { readonly i: number; readonly f: number; readonly q: number }
const paired = (float: readonly number[], quantized: readonly number[]): Pair[] =>
  float.map((f, i) => ({ i, f, q: quantized[i]! }))
const title = ({ i, f, q }: Pair) => `${i}: float ${number(f)}, quantized ${number(q)}`
const frame = { marginLeft: 52, marginRight: 16, marginTop: 24, marginBottom: 38 }

const pairs = (float: readonly number[], quantized: readonly number[], width: number): Plot.PlotOptions => ({
  ...frame,
  width,
  height: 220,
  x: { label: null, type: 'point', domain: float.map((_, i) => i), padding: 0.6, ticks: [] },
  y: { label: 'value', grid: true, ticks: 5, tickFormat: tick },
  marks: [
    Plot.ruleY([0], { stroke: 'var(--line-strong)' }),
    Plot.ruleX(paired(float, quantized), { x: 'i', y1: 'f', y2: 'q', stroke: 'var(--series-a)', strokeWidth: 2 }),
    Plot.dot(paired(float, quantized), { x: 'i', y: 'f', r: 5.5, stroke: 'var(--ink)', strokeWidth: 1.5 }),
    Plot.dot(paired(float, quantized), { x: 'i', y: 'q', r: 3, fill: 'var(--series-a)', title }),
  ],
})

const scatter = (float: readonly number[], quantized: readonly number[], width: number): Plot.PlotOptions => ({
  ...frame,
  width: Math.min(width, 460),
  height: Math.min(width, 460) * 0.8,
  x: { label: 'float', ticks: 5, nice: true, tickFormat: tick },
  y: { label: 'quantized', grid: true, ticks: 5, nice: true, tickFormat: tick },
  marks: [
    Plot.line([Math.min(...float), Math.max(...float)], {
      x: (n: number) => n,
      y: (n: number) => n,
      stroke: 'var(--line-strong)',
      strokeDasharray: '4 3',
    }),
    Plot.dot(paired(float, quantized), { x: 'f', y: 'q', r: 2.5, fill: 'var(--series-a)', fillOpacity: 0.6, title }),
  ],
})

const residualOptions = (float: readonly number[], quantized: readonly number[], width: number): Plot.PlotOptions => ({
  ...frame,
  width,
  height: 140,
  x:
    float.length <= fewValues
      ? {
          label: 'index',
          type: 'point',
          domain: float.map((_, i) => i),
          padding: 0.6,
          ticks: float
            .filter((_, i) => i % Math.ceil(float.length / 10) === 0)
            .map((_, k) => k * Math.ceil(float.length / 10)),
        }
      : { label: 'index', ticks: 6 },
  y: { label: 'quantized − float', ticks: 3, grid: true, tickFormat: tick },
  marks: [
    Plot.ruleY([0], { stroke: 'var(--line-strong)' }),
    Plot.ruleX(paired(float, quantized), {
      x: 'i',
      y1: 0,
      y2: ({ f, q }: Pair) => q - f,
      stroke: 'var(--series-b)',
      strokeWidth: float.length <= fewValues ? 4 : 1,
      title,
    }),
  ],
})

/** How far the two are apart on this sample, and whether they agree on the largest value. */
export function sampleSummary({ output, float, quantized }: OutputSamplePlotProps): string {
  const signal = float.reduce((sum, x) => sum + x * x, 0)
  const noise = float.reduce((sum, x, i) => sum + (quantized[i]! - x) ** 2, 0)
  const sqnr = noise === 0 ? 200 : 10 * Math.log10(signal / noise)
  const worst = float.reduce(
    (at, x, i) => (Math.abs(quantized[i]! - x) > Math.abs(quantized[at]! - float[at]!) ? i : at),
    0,
  )
  const top = (values: readonly number[]) => values.indexOf(Math.max(...values))
  const largest =
    top(float) === top(quantized)
      ? `both have their largest value at ${top(float)}`
      : `the largest value moved from ${top(float)} to ${top(quantized)}`
  if (float.length === 0) return `${output} is empty.`
  return `${output}, first sample, ${count(float.length, 'value')}: ${decibel(sqnr)}, largest difference ${number(Math.abs(quantized[worst]! - float[worst]!))} at ${worst}; ${largest}.`
}
