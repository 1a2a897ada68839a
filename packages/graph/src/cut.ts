import type { Graph, Node, NodeId, ValueId } from './graph.ts'
import { downstream, makesOf, nodeById, onlyTheirValues, producers, readsOf } from './query.ts'

/** A graph in two parts. */
export interface Cut {
  /** Takes all inputs of the graph; gives the crossing values it computes, then the graph outputs it makes. */
  readonly prefix: Graph
  /** Takes `crossing`; gives the graph outputs it makes. */
  readonly suffix: Graph
  /** The non-constant values that the suffix reads but does not make: made by the prefix, or inputs of the graph. */
  readonly crossing: readonly ValueId[]
}

/**
 * Cuts a graph in two. The suffix holds exactly the nodes that depend on the values `at`, or `{ before: node }`: that node
 * and everything that depends on it; the prefix holds all others. Running the prefix, then the suffix on what crosses, gives
 * the outputs of the whole graph. Constants stand wherever they are read, possibly in both parts.
 * @throws MixbitError `NODE_UNKNOWN`.
 */
export function cut(graph: Graph, at: readonly ValueId[] | { readonly before: NodeId }): Cut {
  const late = suffixNodes(graph, at)
  const inSuffix = (node: Node | undefined) => node !== undefined && late.has(node.id)
  const madeBy = producers(graph)
  const suffixReads = new Set(graph.nodes.filter(inSuffix).flatMap(readsOf))
  const crossing = [...suffixReads].filter((id) => !graph.values.get(id)?.tensor && !inSuffix(madeBy.get(id)))
  const suffix = onlyTheirValues({
    ...graph,
    inputs: crossing,
    outputs: graph.outputs.filter((id) => inSuffix(madeBy.get(id))),
    nodes: graph.nodes.filter(inSuffix),
  })
  const early = graph.outputs.filter((id) => !inSuffix(madeBy.get(id)))
  const prefix = onlyTheirValues({
    ...graph,
    outputs: [...new Set([...crossing.filter((id) => madeBy.has(id)), ...early])],
    nodes: graph.nodes.filter((node) => !inSuffix(node)),
  })
  return { prefix, suffix, crossing }
}

function suffixNodes(graph: Graph, at: readonly ValueId[] | { readonly before: NodeId }): Set<NodeId> {
  if (!('before' in at)) return downstream(graph, at)
  const first = nodeById(graph, at.before)
  return downstream(graph, makesOf(first)).add(first.id)
}
