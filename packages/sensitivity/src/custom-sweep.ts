import { type Adapter, withSession } from '@mixbit/adapter'
import { type Graph, MixbitError, type Tensors } from '@mixbit/graph'
import { breathe, type SweepOptions } from './sweep.ts'

/** A row of the custom sweep: what is quantized, and the whole model with each of its candidates. */
export interface CustomSweepLayer {
  readonly node: string
  /** `graph` makes the float model with this candidate alone quantized; it is called once, just before it is measured. */
  readonly candidates: readonly { readonly label: string; graph(): Graph }[]
}

export interface CustomSweepOptions extends Pick<SweepOptions, 'onProgress' | 'signal'> {
  readonly adapter: Pick<Adapter, 'compile'>
  readonly layers: readonly CustomSweepLayer[]
  /** The sensitivity itself, for the model that `run` executes. */
  readonly customMetricFn: (run: (feeds: Tensors) => Promise<Tensors>) => Promise<number> | number
}

/**
 * The user's own metric for every candidate, everything else float. Infinity says that a candidate is never to be taken.
 * @throws MixbitError `METRIC_TYPE` when it gives no number or NaN, `METRIC_FAILED` when it throws, `ABORTED`.
 */
export async function customSweep({
  adapter,
  layers,
  customMetricFn,
  onProgress,
  signal,
}: CustomSweepOptions): Promise<{ node: string; values: number[] }[]> {
  const rows: { node: string; values: number[] }[] = []
  for (const [i, { node, candidates }] of layers.entries()) {
    const values: number[] = []
    for (const { label, graph: make } of candidates) {
      const graph = make()
      const metric = () =>
        withSession(adapter, graph, graph.outputs, async (session) => customMetricFn((feeds) => session.run(feeds)))
      const value: unknown = await metric().catch((cause) => {
        throw new MixbitError(
          'METRIC_FAILED',
          `customMetricFn failed for ${node} at ${label}: ${cause instanceof Error ? cause.message : cause}`,
          { hint: 'Mend the metric; it gets a function that runs the model.', context: { node, label }, cause },
        )
      })
      if (typeof value !== 'number' || Number.isNaN(value))
        throw new MixbitError(
          'METRIC_TYPE',
          `customMetricFn is expected to return a number, and returned ${typeof value === 'string' ? JSON.stringify(value) : value} for ${node} at ${label}.`,
          { hint: 'Return a number that grows with the damage.', context: { node, label } },
        )
      values.push(value)
      await breathe(signal)
    }
    rows.push({ node, values })
    onProgress?.({ done: i + 1, total: layers.length, layer: node, remainingMs: 0 })
  }
  return rows
}
