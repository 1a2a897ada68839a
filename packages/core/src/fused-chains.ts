import { consumers, type Graph, type Node, type NodeId, producers, type ValueId } from '@mixbit/graph'
import type { Job } from './job.ts'
import { operatorRule } from './operator-rule.ts'
import type { TargetPlatform } from './target-platform.ts'

/** Nodes that the target runs as one operator, in order: each reads the only output of the one before, which nobody else does. */
export interface FusedChain {
  readonly nodes: readonly Node[]
  /** The values between them: no tensors, and without quantizers. */
  readonly inside: readonly ValueId[]
}

/**
 * The fused chains of a graph, by the nodes in them. Patterns are tried from the last node of the graph backwards, the longest
 * first; where a node reads several that would fit, the one that runs last is fused. A shift of negatives is fused
 * with what it shifts, and with the Pad that alone reads it.
 */
export function fusedChains(
  graph: Graph,
  platform: TargetPlatform,
  shifts: Job['shifts'] = new Map(),
): Map<NodeId, FusedChain> {
  const makers = producers(graph)
  const users = consumers(graph)
  const index = new Map(graph.nodes.map((node, i) => [node.id, i]))
  const outputs = new Set(graph.outputs)
  const chains = new Map<NodeId, FusedChain>()
  const sets = new Set(platform.operatorSets.map(({ name }) => name))
  const is = (node: Node, name: string) => (sets.has(name) ? operatorRule(platform, node).set : node.kind) === name
  const feeders = (node: Node): Node[] =>
    node.inputs
      .flatMap((id) => (id !== null && users.get(id)?.length === 1 && !outputs.has(id) ? (makers.get(id) ?? []) : []))
      .filter((maker) => maker.outputs.length === 1)
      .sort((a, b) => index.get(b.id)! - index.get(a.id)!)
  /** The chain that ends in this node and matches the pattern; empty if there is none. */
  const ending = (node: Node, pattern: readonly string[]): Node[] => {
    if (chains.has(node.id) || !is(node, pattern.at(-1)!)) return []
    if (pattern.length === 1) return [node]
    for (const feeder of feeders(node)) {
      const before = ending(feeder, pattern.slice(0, -1))
      if (before.length > 0) return [...before, node]
    }
    return []
  }
  const fuse = (nodes: readonly Node[]) => {
    const chain = { nodes, inside: nodes.slice(0, -1).map(({ outputs }) => outputs[0]!) }
    for (const { id } of nodes) chains.set(id, chain)
  }
  const patterns = (platform.fusingPatterns ?? []).toSorted((a, b) => b.length - a.length)
  for (const node of graph.nodes.toReversed()) for (const pattern of patterns) fuse(ending(node, pattern))
  for (const node of graph.nodes) {
    const maker = shifts.has(node.id) ? makers.get(node.inputs[0]!) : undefined
    const readers = maker ? (users.get(node.outputs[0]!) ?? []) : []
    const pad = readers.length === 1 ? readers.filter(({ op }) => op === 'Pad') : []
    if (maker) fuse([...(chains.get(maker.id)?.nodes ?? [maker]), node, ...pad])
  }
  return chains
}
