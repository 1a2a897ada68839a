import { withSession } from '@mixbit/adapter'
import type { Graph, NodeId, ValueId } from '@mixbit/graph'
import { compareSessions, type OutputDistance } from './compare.ts'
import type { Job } from './job.ts'

/** How close the quantized model is to the float model behind one node. */
export interface NodeSimilarity extends Omit<OutputDistance, 'output' | 'top1Agreement'> {
  readonly node: NodeId
  readonly value: ValueId
}

/** Most samples that are compared: every value of both models is kept for one sample at a time. */
const mostSamples = 16

/** The simulation beside the float model at every float value that both make, in the order of the graph. */
export async function similarityOf(job: Job, quantized: Graph): Promise<NodeSimilarity[]> {
  const { adapter, prepared, samples } = job
  const made = new Set(quantized.nodes.flatMap((node) => node.outputs))
  const points = prepared.nodes.flatMap((node) =>
    node.outputs.flatMap((id) =>
      id !== null && made.has(id) && prepared.values.get(id)?.dtype === 'f32' ? [{ node: node.id, value: id }] : [],
    ),
  )
  const values = points.map(({ value }) => value)
  return withSession(adapter, prepared, values, (float) =>
    withSession(adapter, quantized, values, async (session) => {
      const distances = await compareSessions(float, session, samples.slice(0, mostSamples), values, job)
      return points.map((point, i) => {
        const { sqnr, cosine, mse } = distances[i]!
        return { ...point, sqnr, cosine, mse }
      })
    }),
  )
}
