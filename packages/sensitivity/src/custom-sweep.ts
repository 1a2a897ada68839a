import { withSession } from '@mixbit/adapter'
import { MixbitError, replaceValues, type Tensors, type Value } from '@mixbit/graph'
import { breathe, type SweepOptions } from './sweep.ts'

export interface CustomSweepOptions extends Omit<SweepOptions, 'samples' | 'computeDistanceFn'> {
  /** The sensitivity itself, for the model that `run` executes. Layers are weights here, not activations. */
  readonly customMetricFn: (run: (feeds: Tensors) => Promise<Tensors>) => Promise<number> | number
}

/**
 * The user's own metric for every candidate of every layer, everything else float.
 * @throws MixbitError `METRIC_TYPE` when it gives no number, `METRIC_FAILED` when it throws, `ABORTED`.
 */
export async function customSweep({
  adapter,
  graph,
  layers,
  customMetricFn,
  onProgress,
  signal,
}: CustomSweepOptions): Promise<{ node: string; values: number[] }[]> {
  const rows: { node: string; values: number[] }[] = []
  for (const [i, layer] of layers.entries()) {
    const values: number[] = []
    for (const candidate of layer.candidates) {
      const replaced = [...candidate.quantized(new Map())].map(([id, tensor]): [string, Value] => [
        id,
        { ...graph.values.get(id)!, tensor },
      ])
      const metric = () =>
        withSession(adapter, replaceValues(graph, new Map(replaced)), graph.outputs, async (session) =>
          customMetricFn((feeds) => session.run(feeds)),
        )
      const value: unknown = await metric().catch((cause) => {
        throw new MixbitError(
          'METRIC_FAILED',
          `customMetricFn failed for ${layer.node} at ${candidate.label}: ${cause instanceof Error ? cause.message : cause}`,
          { hint: 'Mend the metric; it gets a function that runs the model.', cause },
        )
      })
      if (typeof value !== 'number')
        throw new MixbitError(
          'METRIC_TYPE',
          `customMetricFn is expected to return a number, and returned ${typeof value === 'string' ? JSON.stringify(value) : value} for ${layer.node}.`,
          { hint: 'Return a number that grows with the damage.' },
        )
      values.push(value)
      await breathe(signal)
    }
    rows.push({ node: layer.node, values })
    onProgress?.({ done: i + 1, total: layers.length, layer: layer.node, remainingMs: 0 })
  }
  return rows
}
