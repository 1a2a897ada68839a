import { withSession } from '@mixbit/adapter'
import { type Graph, type Tensors, toF32 } from '@mixbit/graph'
import { distances, type InterestPoint, interestPoints, outputLossOf } from '@mixbit/sensitivity'
import type { Job } from './job.ts'
import { breathe, checkAborted } from './progress.ts'

/** Samples that decide between whole models, at most: the losses of a few are mostly those of the one or two that are hard. */
export const mostDeciding = 1024

/** The model output loss of every graph: see `lossBesideFloat`. */
export async function outputLosses(job: Job, graphs: readonly Graph[], count?: number): Promise<number[]> {
  const lossOf = await lossBesideFloat(job, count)
  const losses: number[] = []
  for (const graph of graphs) losses.push(await lossOf(graph))
  return losses
}

/**
 * Gives the model output loss of graphs beside the float model, which is run once, as the weighting OUTPUT measures it: KL divergence
 * for logits and probabilities, else the distance of the output's kind, or the user's own; mean over outputs and the first samples, by
 * default `numOfImages` of them.
 */
export async function lossBesideFloat(job: Job, count?: number): Promise<(graph: Graph) => Promise<number>> {
  const { adapter, prepared, config, signal } = job
  const samples = job.samples.slice(0, count ?? config.mixedPrecisionConfig.numOfImages)
  const points = interestPoints(prepared).outputs
  const values = points.map(({ value }) => value)
  const run = (graph: Graph) =>
    withSession(adapter, graph, values, async (session) => {
      const results: Tensors[] = []
      for (const sample of samples) {
        checkAborted(signal)
        results.push(await session.run(sample))
        await breathe()
      }
      return results
    })
  const float = await run(prepared)
  return async (graph) => {
    const results = await run(graph)
    const { outputLossFn } = config.mixedPrecisionConfig
    const sum = outputLossFn
      ? points.length * float.reduce((total, tensors, i) => total + outputLossOf(outputLossFn, tensors, results[i]!), 0)
      : points.reduce((total, point) => total + totalLoss(point, float, results), 0)
    return sum / (points.length * samples.length)
  }
}

function totalLoss(
  { value, loss, distance, axis }: InterestPoint,
  float: readonly Tensors[],
  other: readonly Tensors[],
) {
  const measure = distances[loss ?? distance]
  return float.reduce((sum, tensors, i) => {
    const expected = tensors.get(value)!
    return sum + measure(toF32(expected), toF32(other[i]!.get(value)!), expected.shape, axis)
  }, 0)
}
