import { consumers, type Graph, type LinearLayer, linearLayer, type ValueId, withLayer } from '@mixbit/graph'
import { channelStatistics } from './channel-statistics.ts'
import type { Change, Correction } from './correct-float.ts'

/**
 * Moves the logits that only a softmax reads to the middle of what was observed: b - (min + max) / 2. A softmax does not see
 * a constant; a symmetric grid has less to cover. Source: MCT's softmaxShift.
 */
export const centreLogits: Correction = async (job, groups): Promise<Change> => {
  const symmetric = groups.filter(({ config }) => config.scheme !== 'uniform').flatMap(({ values }) => values)
  const layers = logitLayers(job.prepared).filter(({ value }) => symmetric.includes(value))
  const axes = new Map(layers.map(({ value }): [ValueId, null] => [value, null]))
  const statistics = await channelStatistics(job, job.prepared, axes, 'softmax shift')
  let graph: Graph = job.prepared
  for (const { layer, value } of layers) {
    const { min, max } = statistics.get(value)!
    const middle = (min[0]! + max[0]!) / 2
    graph = withLayer(graph, layer, { bias: layer.bias.map((b) => b - middle) }) ?? graph
  }
  return { graph, nodes: layers.map(({ layer }) => layer.node.id) }
}

/** The layers whose output goes into a softmax and nowhere else. */
function logitLayers(graph: Graph): { layer: LinearLayer; value: ValueId }[] {
  const users = consumers(graph)
  return graph.nodes.flatMap((node) => {
    const layer = linearLayer(graph, node)
    const value = layer?.biasAt.node.outputs[0]
    const readers = users.get(value ?? '') ?? []
    const ends = readers.length === 1 && readers[0]!.kind === 'softmax' && !graph.outputs.includes(value!)
    return layer && value && ends ? [{ layer, value }] : []
  })
}
