import * as Plot from '@observablehq/plot'
import { useCallback } from 'react'
import { BitsChip } from './bits.tsx'
import { bytes, byteTick, count, percent } from './format.ts'
import { Picture } from './picture.tsx'
import { PlotView } from './plot-view.tsx'
import { DataTable } from './table.tsx'

export interface ScheduleChartProps {
  readonly schedule: {
    readonly steps: readonly { readonly node: string; readonly bytes: number }[]
    readonly peak: {
      readonly node: string
      readonly bytes: number
      readonly tensors: readonly { readonly value: string; readonly bits: number; readonly bytes: number }[]
    }
  }
  /** The limit on activation memory, in bytes. */
  readonly budget?: number | null
}

/** The memory of activations while the model runs, with the peak and what is alive there. */
export function ScheduleChart({ schedule, budget = null }: ScheduleChartProps) {
  const plot = useCallback((width: number) => scheduleOptions(schedule, budget, width), [schedule, budget])
  const { steps, peak } = schedule
  const summary = scheduleSummary(schedule)
  return (
    <Picture
      summary={summary}
      table={() => ({
        columns: [{ name: 'while this runs' }, { name: 'activations', numeric: true }],
        rows: steps.map(({ node, bytes: size }) => [node, bytes(size)]),
      })}
    >
      <PlotView plot={plot} label={summary} />
      <h3 className="pic-subhead">Alive at the peak, while {peak.node} runs</h3>
      <DataTable
        label="Tensors that are alive at the peak"
        columns={[
          { name: 'value' },
          { name: 'bits', numeric: true },
          { name: 'size', numeric: true },
          { name: 'share', numeric: true },
        ]}
        rows={peak.tensors.map(({ value, bits, bytes: size }) => [
          value,
          bits === 32 ? <BitsChip key={value} bits={null} /> : <BitsChip key={value} bits={bits} />,
          bytes(size),
          percent(size / peak.bytes),
        ])}
      />
    </Picture>
  )
}

type Step = { readonly i: number; readonly node: string; readonly bytes: number; readonly peak: boolean }

function scheduleOptions(
  { steps, peak }: ScheduleChartProps['schedule'],
  budget: number | null,
  width: number,
): Plot.PlotOptions {
  const at = steps.findIndex(({ node, bytes: size }) => node === peak.node && size === peak.bytes)
  const rows: Step[] = steps.map(({ node, bytes: size }, i) => ({ i, node, bytes: size, peak: i === at }))
  // The label stands to the side where there is room.
  const late = at > steps.length / 2
  return {
    width,
    height: 240,
    marginLeft: 64,
    marginTop: 30,
    marginBottom: 38,
    x: { label: 'step', ticks: width < 480 ? 4 : 8 },
    y: { label: 'activations', grid: true, ticks: 5, tickFormat: byteTick },
    marks: [
      Plot.rectY(rows, {
        x1: ({ i }: Step) => i - 0.5,
        x2: ({ i }: Step) => i + 0.5,
        y: 'bytes',
        inset: rows.length > 120 ? 0 : 0.5,
        fill: ({ peak }: Step) => (peak ? 'var(--danger)' : 'var(--series-a)'),
        fillOpacity: ({ peak }: Step) => (peak ? 1 : 0.75),
      }),
      Plot.ruleY([0], { stroke: 'var(--line-strong)' }),
      ...(budget
        ? [
            Plot.ruleY([budget], { stroke: 'var(--caution)', strokeWidth: 1.5, strokeDasharray: '5 3' }),
            Plot.text([budget], {
              y: (n: number) => n,
              frameAnchor: 'right',
              dy: -8,
              text: (n: number) => `budget ${bytes(n)}`,
              fill: 'var(--caution)',
            }),
          ]
        : []),
      Plot.text(rows.slice(at, at + 1), {
        x: 'i',
        y: 'bytes',
        dy: -10,
        dx: late ? 4 : -4,
        textAnchor: late ? 'end' : 'start',
        text: ({ node, bytes: size }: Step) =>
          `peak ${bytes(size)} at ${node.length > 28 ? `…${node.slice(-27)}` : node}`,
        fill: 'var(--danger)',
        fontWeight: 600,
      }),
      Plot.tip(
        rows,
        Plot.pointerX({
          x: 'i',
          y: 'bytes',
          title: ({ node, bytes: size }: Step) => `${node}\n${bytes(size)}`,
          fill: 'var(--surface-raised)',
          stroke: 'var(--line-strong)',
        }),
      ),
    ],
  }
}

/** Where the peak is, and what makes it. */
export function scheduleSummary({ steps, peak }: ScheduleChartProps['schedule']): string {
  const [largest] = peak.tensors
  const made = largest ? `, ${percent(largest.bytes / peak.bytes)} of it ${largest.value}` : ''
  return `Activation memory of one sample over ${count(steps.length, 'step')}: the peak is ${bytes(peak.bytes)}, while ${peak.node} runs${made}.`
}
