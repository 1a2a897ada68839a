import * as Plot from '@observablehq/plot'
import { useCallback } from 'react'
import { count, decibel } from './format.ts'
import { Picture } from './picture.tsx'
import { PlotView } from './plot-view.tsx'

export interface SimilarityPlotProps {
  /** In the order of the network. */
  readonly similarity: readonly { readonly node: string; readonly value: string; readonly sqnr: number }[]
}

/** How close the quantized model is to the float model behind every node. */
export function SimilarityPlot({ similarity }: SimilarityPlotProps) {
  const plot = useCallback((width: number) => similarityOptions(similarity, width), [similarity])
  const summary = similaritySummary({ similarity })
  return (
    <Picture
      summary={summary}
      table={() => ({
        columns: [{ name: 'behind node' }, { name: 'value' }, { name: 'SQNR', numeric: true }],
        rows: similarity.map(({ node, value, sqnr }) => [node, value, decibel(sqnr)]),
      })}
    >
      <PlotView plot={plot} label={summary} />
    </Picture>
  )
}

type Row = SimilarityPlotProps['similarity'][number] & { readonly i: number }

function similarityOptions(similarity: SimilarityPlotProps['similarity'], width: number): Plot.PlotOptions {
  // 200 dB stands for "identical", and would flatten all others.
  const most = Math.max(10, ...similarity.map(({ sqnr }) => sqnr).filter((sqnr) => sqnr < 200))
  const rows: Row[] = similarity.map((one, i) => ({ ...one, i, sqnr: Math.min(most * 1.05, one.sqnr) }))
  return {
    width,
    height: 200,
    marginLeft: 48,
    marginTop: 24,
    marginBottom: 38,
    x: { label: 'node', ticks: width < 480 ? 4 : 8 },
    y: { label: 'SQNR (dB)', grid: true, ticks: 5, zero: true },
    marks: [
      Plot.line(rows, { x: 'i', y: 'sqnr', stroke: 'var(--series-a)', strokeWidth: 1.5 }),
      ...(rows.length <= 150 ? [Plot.dot(rows, { x: 'i', y: 'sqnr', r: 2.5, fill: 'var(--series-a)' })] : []),
      Plot.tip(
        rows,
        Plot.pointerX({
          x: 'i',
          y: 'sqnr',
          title: ({ node, i }: Row) => `${node}\n${decibel(similarity[i]!.sqnr)}`,
          fill: 'var(--surface-raised)',
          stroke: 'var(--line-strong)',
        }),
      ),
    ],
  }
}

/** Where the two models are farthest apart, and at the end. */
export function similaritySummary({ similarity }: SimilarityPlotProps): string {
  const last = similarity.at(-1)
  if (!last) return 'Node by node, nothing was compared.'
  const worst = similarity.reduce((a, b) => (b.sqnr < a.sqnr ? b : a))
  return `Quantized against float behind ${count(similarity.length, 'node')}: least ${decibel(worst.sqnr)} behind ${worst.node}, ${decibel(last.sqnr)} behind the last one, ${last.node}.`
}
