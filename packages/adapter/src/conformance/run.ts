import type { Graph, Tensors } from '@mixbit/graph'
import type { Adapter } from '../adapter.ts'
import { withSession } from '../with-session.ts'
import { outputOf } from './compare.ts'

/** What a graph gives in a session of its own. */
export const runOnce = (adapter: Adapter, graph: Graph, feeds: Tensors, outputs = graph.outputs): Promise<Tensors> =>
  withSession(adapter, graph, outputs, (session) => session.run(feeds))

/** The tensors that a graph takes, out of a larger collection. */
export const only = (graph: Graph, tensors: Tensors): Tensors =>
  new Map(graph.inputs.map((id) => [id, outputOf(tensors, id)]))
