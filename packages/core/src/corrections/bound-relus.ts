import { nodeById, reluBoundToPowerOf2 } from '@mixbit/graph'
import type { Change, Correction } from './correct-float.ts'

/** ReLU6 between two layers becomes a Clip at 8, the layers are scaled to match: see the pass of the graph. */
export const boundRelus: Correction = async ({ prepared }): Promise<Change> => {
  const graph = reluBoundToPowerOf2.run(prepared)
  const changed = prepared.nodes.filter(({ id, bounds }) => nodeById(graph, id).bounds?.[1] !== bounds?.[1])
  return { graph, nodes: changed.map(({ id }) => id) }
}
