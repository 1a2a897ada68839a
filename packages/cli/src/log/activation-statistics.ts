import { type Adapter, withSession } from '@mixbit/adapter'
import { type Graph, MixbitError, type Tensors, toF32, type ValueId } from '@mixbit/graph'
import { histogramObserver, toHistogram } from '@mixbit/quantizers'
import { type Histogram, joinBins } from '@mixbit/tensorboard'

/** Most samples that are looked at: every value of the model is kept for one sample at a time. */
const mostSamples = 16

/**
 * Histograms of all finite numbers that the nodes of a float graph give, by value; at most 16 samples.
 * @throws MixbitError `ABORTED`
 */
export async function activationStatistics(
  adapter: Pick<Adapter, 'compile'>,
  graph: Graph,
  samples: readonly Tensors[],
  signal: AbortSignal,
): Promise<Map<ValueId, Histogram>> {
  const values = graph.nodes.flatMap(({ outputs }) =>
    outputs.filter((id): id is ValueId => id !== null && graph.values.get(id)?.dtype === 'f32'),
  )
  const observer = histogramObserver()
  const seen = new Map(values.map((id) => [id, { state: observer.empty, sum: 0, sumOfSquares: 0 }]))
  await withSession(adapter as Adapter, graph, values, async (session) => {
    for (const sample of samples.slice(0, mostSamples)) {
      if (signal.aborted) throw new MixbitError('ABORTED', 'The run was cancelled.', { hint: 'Run it again.' })
      const tensors = await session.run(sample)
      for (const [id, sums] of seen) {
        // A masked logit may be infinite: what is shown is the rest.
        const data = toF32(tensors.get(id)!).filter(Number.isFinite)
        for (const x of data) {
          sums.sum += x
          sums.sumOfSquares += x * x
        }
        sums.state = observer.observe(sums.state, data)
      }
    }
  })
  return new Map(
    [...seen].map(([id, { state, ...sums }]) => {
      const { edges, counts } = toHistogram(state)
      return [id, joinBins({ edges, counts, min: state.min, max: state.max, ...sums })]
    }),
  )
}
