import { withSession } from '@mixbit/adapter'
import { type Graph, sizeOf, type Tensors, toF32 } from '@mixbit/graph'
import { distances, type InterestPoint, interestPoints, outputLossOf } from '@mixbit/sensitivity'
import type { FullConfig } from './config.ts'
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
 * default `numOfImages` of them, as many as have float outputs within `memoryLimit`.
 */
export async function lossBesideFloat(job: Job, count?: number): Promise<(graph: Graph) => Promise<number>> {
  const { adapter, prepared, config, signal } = job
  const { memoryLimit, numOfImages } = config.mixedPrecisionConfig
  const samples = job.samples.slice(0, count ?? numOfImages)
  const points = interestPoints(prepared).outputs
  const values = points.map(({ value }) => value)
  /** Runs a graph over the samples until it is told to stop. */
  const run = (graph: Graph, show: (tensors: Tensors, i: number) => boolean) =>
    withSession(adapter, graph, values, async (session) => {
      for (const [i, sample] of samples.entries()) {
        checkAborted(signal)
        if (!show(await session.run(sample), i)) return
        await breathe()
      }
    })
  const float: Tensors[] = []
  let bytes = 0
  await run(prepared, (tensors) => {
    float.push(tensors)
    for (const { shape } of tensors.values()) bytes += 4 * sizeOf(shape)
    return bytes < memoryLimit
  })
  return async (graph) => {
    let sum = 0
    await run(graph, (tensors, i) => {
      sum += lossAt(config, points, float[i]!, tensors)
      return i + 1 < float.length
    })
    return sum / float.length
  }
}

/** At one sample: the user's own, or the mean over the outputs. */
function lossAt(
  { mixedPrecisionConfig: { outputLossFn } }: FullConfig,
  points: readonly InterestPoint[],
  float: Tensors,
  other: Tensors,
): number {
  if (outputLossFn) return outputLossOf(outputLossFn, float, other)
  const losses = points.map(({ value, loss, distance, axis }) => {
    const expected = float.get(value)!
    return distances[loss ?? distance](toF32(expected), toF32(other.get(value)!), expected.shape, axis)
  })
  return losses.reduce((a, b) => a + b, 0) / losses.length
}
