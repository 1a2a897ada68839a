import {
  consumers,
  type Graph,
  type Grid,
  type Node,
  type NodeId,
  producers,
  type Value,
  type ValueId,
} from '@mixbit/graph'
import type { TargetPlatform } from './target-platform.ts'

/** Kinds that an integer runtime computes between quantized tensors, or that only move data: they carry a quantized region on. */
const carriers = new Set<Node['kind']>(['add', 'concat', 'maxPool', 'averagePool', 'reshapeLike', 'activation'])

/**
 * The activations that get a quantizer: what quantized layers read and what they give, after a fused activation, and
 * what the nodes between them give. Graph outputs stay float, so that the last result loses nothing.
 */
export function quantizedActivations(graph: Graph, platform: TargetPlatform, layers: ReadonlySet<NodeId>): ValueId[] {
  if (platform.activationBits.length === 0) return []
  const users = consumers(graph)
  const makers = producers(graph)
  const outputs = new Set(graph.outputs)
  const chosen = new Set<ValueId>()
  const take = (id: ValueId | null | undefined) => {
    const value = id == null ? undefined : graph.values.get(id)
    if (value && value.dtype === 'f32' && !value.tensor && !outputs.has(value.id)) chosen.add(value.id)
  }
  for (const node of graph.nodes) {
    if (layers.has(node.id) && platform.activationKinds.includes(node.kind)) {
      take(node.inputs[0])
      take(fusedOutput(node, users))
    } else if (carriers.has(node.kind) && node.inputs.some((id) => id !== null && chosen.has(id))) {
      for (const id of node.inputs) take(beforeFusion(id, makers, users))
      take(fusedOutput(node, users))
    }
  }
  return [...chosen]
}

/** The node's output, or that of the activation which is its only reader. */
export function fusedOutput(node: Node, users: ReadonlyMap<ValueId, readonly Node[]>): ValueId | null | undefined {
  const output = node.outputs[0]
  const readers = output == null ? [] : (users.get(output) ?? [])
  const next = readers.length === 1 ? readers[0] : undefined
  return next?.kind === 'activation' && node.kind !== 'activation' ? next.outputs[0] : output
}

/** A value as it is, unless it only lives inside a fused pair (conv -> relu), which has no quantizer of its own. */
const beforeFusion = (
  id: ValueId | null,
  makers: ReadonlyMap<ValueId, Node>,
  users: ReadonlyMap<ValueId, readonly Node[]>,
) => {
  const maker = id === null ? undefined : makers.get(id)
  return maker && fusedOutput(maker, users) !== id ? null : id
}

/** Whose grid an activation is on: its own, or that of the activation which a node that only moves data made it from. */
export function gridSources(graph: Graph, activations: readonly ValueId[]): Map<ValueId, ValueId> {
  const makers = producers(graph)
  const sources = new Map<ValueId, ValueId>()
  const sourceOf = (id: ValueId): ValueId => {
    const maker = makers.get(id)
    const from = maker?.preserving ? maker.inputs[0] : undefined
    return from != null && activations.includes(from) ? sourceOf(from) : id
  }
  for (const id of activations) sources.set(id, sourceOf(id))
  return sources
}

/** Puts a fakeQuantize node behind every value that has a grid; whoever read the value now reads it quantized. */
export function quantizeActivations(graph: Graph, grids: ReadonlyMap<ValueId, Grid>): Graph {
  const values = new Map(graph.values)
  const renamed = new Map<ValueId, ValueId>()
  const quantizers = new Map<ValueId, Node>()
  for (const [id, grid] of grids) {
    const output = `${id}_q`
    values.set(output, { ...(graph.values.get(id) as Value), id: output })
    renamed.set(id, output)
    quantizers.set(id, {
      id: `${id}_quantize`,
      kind: 'fakeQuantize',
      op: 'FakeQuantize',
      inputs: [id],
      outputs: [output],
      attrs: {},
      weights: [],
      grid,
    })
  }
  const nodes: Node[] = []
  const addQuantizers = (ids: readonly (ValueId | null)[]) => {
    for (const id of ids) if (id !== null && quantizers.has(id)) nodes.push(quantizers.get(id) as Node)
  }
  addQuantizers(graph.inputs)
  for (const node of graph.nodes) {
    nodes.push({ ...node, inputs: node.inputs.map((id) => (id === null ? null : (renamed.get(id) ?? id))) })
    addQuantizers(node.outputs)
  }
  return { ...graph, nodes, values }
}
