import { MixbitError } from './error.ts'
import type { Graph, Node, NodeId, Value, ValueId } from './graph.ts'

/** The values a node reads: its inputs that are not left out, then its captures. */
export const readsOf = (node: Node): ValueId[] => [
  ...node.inputs.filter((id): id is ValueId => id !== null),
  ...(node.captures ?? []),
]

/** The values a node makes: its outputs that are not left out. */
export const makesOf = (node: Node): ValueId[] => node.outputs.filter((id): id is ValueId => id !== null)

/** The node that makes each value. Graph inputs and constants have none. */
export function producers(graph: Graph): Map<ValueId, Node> {
  return new Map(graph.nodes.flatMap((node) => makesOf(node).map((id): [ValueId, Node] => [id, node])))
}

/** What made a value, through nodes that only move data (`preserving`); `makers` are the graph's `producers`. undefined: no node made it. */
export function originOf(makers: ReadonlyMap<ValueId, Node>, value: ValueId): Node | undefined {
  let node = makers.get(value)
  while (node?.preserving && makers.has(node.inputs[0] ?? '')) node = makers.get(node.inputs[0]!)
  return node
}

/** The nodes that read each value, captures included, in topological order, each once. Values that nobody reads are absent. */
export function consumers(graph: Graph): Map<ValueId, Node[]> {
  const readers = new Map<ValueId, Node[]>()
  for (const node of graph.nodes)
    for (const id of new Set(readsOf(node))) {
      const list = readers.get(id)
      if (list) list.push(node)
      else readers.set(id, [node])
    }
  return readers
}

/** @throws MixbitError `NODE_UNKNOWN` when the graph has no such node. */
export function nodeById(graph: Graph, id: NodeId): Node {
  const node = graph.nodes.find((candidate) => candidate.id === id)
  if (node) return node
  throw new MixbitError('NODE_UNKNOWN', `The graph ${graph.name} has no node '${id}'.`, {
    hint: 'Print the graph to see the ids of its nodes.',
    context: { id, nodes: graph.nodes.length },
  })
}

/** The graph with these values in place of (or beside) its own of the same id; the given graph stays as it is. */
export const replaceValues = (graph: Graph, replacements: ReadonlyMap<ValueId, Value>): Graph => ({
  ...graph,
  values: new Map([...graph.values, ...replacements]),
})

/** All nodes that depend on any of these values, directly or not. */
export function downstream(graph: Graph, valueIds: Iterable<ValueId>): Set<NodeId> {
  const touched = new Set(valueIds)
  const nodes = new Set<NodeId>()
  for (const node of graph.nodes)
    if (readsOf(node).some((id) => touched.has(id))) {
      nodes.add(node.id)
      for (const id of makesOf(node)) touched.add(id)
    }
  return nodes
}

/** Drops the nodes and values that reach no graph output. Graph inputs and outputs stay. */
export function pruneUnused(graph: Graph): Graph {
  const needed = new Set(graph.outputs)
  const kept: Node[] = []
  for (const node of graph.nodes.toReversed())
    if (makesOf(node).some((id) => needed.has(id))) {
      kept.push(node)
      for (const id of readsOf(node)) needed.add(id)
    }
  return onlyTheirValues({ ...graph, nodes: kept.reverse() })
}

/** The graph without the values that none of its inputs, outputs and nodes mentions. */
export function onlyTheirValues(graph: Graph): Graph {
  const mentioned = new Set([
    ...graph.inputs,
    ...graph.outputs,
    ...graph.nodes.flatMap((n) => [...readsOf(n), ...makesOf(n)]),
  ])
  return { ...graph, values: new Map([...graph.values].filter(([id]) => mentioned.has(id))) }
}
