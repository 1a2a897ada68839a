import { type Graph, type Node, type NodeId, sizeOf, toF32, type Value, type ValueId } from '@mixbit/graph'
import { constant } from './candidates.ts'

/** A layer whose bias can be corrected: constant weight as second input, bias (if any) as third. */
export const correctable = (node: Node): boolean =>
  (node.kind === 'conv' || node.kind === 'depthwiseConv' || (node.kind === 'dense' && node.op !== 'MatMul')) &&
  node.weights.length === 1 &&
  node.weights[0]?.input === 1

/** How many groups the channels of a layer are in. */
export const groupsOf = ({ attrs }: Node): number => (typeof attrs.group === 'number' ? attrs.group : 1)

/**
 * The graph with a layer's bias b as `change(b, output)`, both in units of the layer's output; a layer without one gets one. The graph as it is
 * where bias or weights are not float32 of that size.
 */
export function withBias(
  graph: Graph,
  node: Node,
  outputs: number,
  change: (before: number, output: number) => number,
): Graph {
  const old = graph.nodes.find(({ id }) => id === node.id)!.inputs[2] ?? null
  const before = old === null ? null : graph.values.get(old)!
  if (before && (before.tensor?.dtype !== 'f32' || sizeOf(before.tensor.shape) !== outputs)) return graph
  if (!before && constant(graph, node.inputs[1] as ValueId).dtype !== 'f32') return graph
  // Gemm: alpha W x + beta b.
  const beta = attrFloat(node, 'beta', 1)
  const numbers = before?.tensor ? toF32(before.tensor) : new Float32Array(outputs)
  const data = Float32Array.from(numbers, (b, i) => change(b * beta, i) / beta)
  const shape = before?.tensor?.shape ?? [outputs]
  const id = `${node.id}_bias_corrected`
  return withInput(graph, node.id, 2, { id, dtype: 'f32', shape, tensor: { dtype: 'f32', shape, data } })
}

/** A float attribute with its default. */
export const attrFloat = (node: Node, name: string, otherwise: number): number => {
  const attr = node.attrs[name]
  return typeof attr === 'object' && 'float' in attr && typeof attr.float === 'number' ? attr.float : otherwise
}

/** The graph with one constant in place of (or behind) the inputs of a node. */
function withInput(graph: Graph, id: NodeId, index: number, value: Value): Graph {
  const nodes = graph.nodes.map((node) => {
    if (node.id !== id) return node
    const inputs = [...node.inputs]
    inputs[index] = value.id
    return { ...node, inputs }
  })
  return { ...graph, nodes, values: new Map(graph.values).set(value.id, value) }
}
