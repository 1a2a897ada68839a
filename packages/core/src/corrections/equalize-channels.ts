import { type Graph, scalablePairs, scaleChannels, type ValueId } from '@mixbit/graph'
import { channelStatistics } from './channel-statistics.ts'
import type { Change, Correction } from './correct-float.ts'

/**
 * Scales the channels between two layers with a ReLU-like activation in between by min(1 / sigma, 1), where sigma is the
 * standard deviation of what the activation gives; the layer behind divides by the same. A channel that varies much no longer
 * decides the grid of all. Source: MCT's activationChannelEqualization, which derives sigma from batch norms (rectified
 * Gaussians); here it is measured on the samples, so layers without a batch norm take part.
 */
export const equalizeChannels: Correction = async (job, groups): Promise<Change> => {
  const pairs = scalablePairs(job.prepared).filter(({ value }) => groups.some(({ values }) => values.includes(value)))
  const axes = new Map(pairs.map(({ value }): [ValueId, number] => [value, 1]))
  const statistics = await channelStatistics(job, job.prepared, axes, 'channel equalization')
  let graph: Graph = job.prepared
  const nodes: string[] = []
  for (const pair of pairs) {
    const scales = statistics.get(pair.value)!.standardDeviation.map((sigma) => Math.min(1 / sigma, 1))
    const scaled = scales.some((scale) => scale < 1) ? scaleChannels(graph, pair, scales) : graph
    if (scaled !== graph) nodes.push(pair.activation)
    graph = scaled
  }
  return { graph, nodes }
}
