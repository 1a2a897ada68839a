import type { Graph, Node, NodeId, ValueId } from '../graph.ts'
import { toF32 } from '../half.ts'
import { consumers, replaceValues } from '../query.ts'
import { sizeOf, type Tensor } from '../tensor.ts'
import { constantLike, float, integer, plainConstant } from './edit.ts'

/** A convolution or dense layer y = W x + b of which weights and bias are constants that a pass may change. */
export interface LinearLayer {
  readonly node: Node
  readonly weight: Tensor
  /** Output channels, and input channels over all groups. */
  readonly outputs: number
  readonly inputs: number
  /** The channels that the i-th element of the weight joins. */
  readonly outputOf: (i: number) => number
  readonly inputOf: (i: number) => number
  /** One number per output channel; zeros when there is none. */
  readonly bias: Float64Array
  /** Who holds the bias, and at which input: the layer itself, or the Add that alone reads a MatMul. */
  readonly biasAt: { readonly node: Node; readonly input: number }
}

/** The layer that a node is: Conv, Gemm without factors, or MatMul with an Add of constants behind it. */
export function linearLayer(graph: Graph, node: Node | undefined): LinearLayer | undefined {
  const weight = node && plainConstant(graph, node.inputs[1])
  const channels = weight && !node.attrs.activation ? channelsOf(node, weight.shape) : undefined
  const biasAt = node && (node.op === 'MatMul' ? addBehind(graph, node) : { node, input: 2 })
  const bias = channels && biasAt && biasOf(graph, biasAt, channels.outputs)
  return bias && { node: node!, weight: weight!, ...channels!, bias, biasAt: biasAt! }
}

type Channels = Pick<LinearLayer, 'outputs' | 'inputs' | 'outputOf' | 'inputOf'>

function channelsOf(node: Node, shape: readonly number[]): Channels | undefined {
  const { op, attrs } = node
  if (op === 'Conv' && node.inputs.length <= 3) {
    const [outputs, perGroup] = shape as [number, number]
    const groups = integer(attrs.group, 1)
    const taps = sizeOf(shape.slice(2))
    const outputOf = (i: number) => Math.floor(i / (perGroup * taps))
    const inputOf = (i: number) =>
      Math.floor(outputOf(i) / (outputs / groups)) * perGroup + (Math.floor(i / taps) % perGroup)
    return { outputs, inputs: perGroup * groups, outputOf, inputOf }
  }
  const plainGemm =
    op === 'Gemm' && !integer(attrs.transA, 0) && float(attrs.alpha, 1) === 1 && float(attrs.beta, 1) === 1
  // MatMul of TensorFlow can transpose.
  const plainMatMul = op === 'MatMul' && !attrs.transpose_a && !attrs.transpose_b
  if (shape.length !== 2 || !(plainGemm || plainMatMul)) return undefined
  const [rows, columns] = shape as [number, number]
  const [row, column] = [(i: number) => Math.floor(i / columns), (i: number) => i % columns]
  return integer(attrs.transB, 0)
    ? { outputs: rows, inputs: columns, outputOf: row, inputOf: column }
    : { outputs: columns, inputs: rows, outputOf: column, inputOf: row }
}

/** The sum with a constant that alone reads a node. */
function addBehind(graph: Graph, node: Node): LinearLayer['biasAt'] | undefined {
  const [output] = node.outputs
  const readers = consumers(graph).get(output ?? '') ?? []
  const [add] = readers
  if (readers.length !== 1 || add?.op !== 'Add' || add.attrs.activation || graph.outputs.includes(output!))
    return undefined
  const input = add.inputs.findIndex((id) => graph.values.get(id ?? '')?.tensor)
  return input < 0 ? undefined : { node: add, input }
}

function biasOf(graph: Graph, { node, input }: LinearLayer['biasAt'], count: number): Float64Array | undefined {
  const id = node.inputs[input] ?? null
  if (id === null) return new Float64Array(count)
  const bias = plainConstant(graph, id)
  return bias && sizeOf(bias.shape) === count && bias.shape.at(-1) === count
    ? Float64Array.from(toF32(bias))
    : undefined
}

/** The graph with other weights and/or another bias in a layer; undefined if they are not finite in its dtype. */
export function withLayer(
  graph: Graph,
  layer: LinearLayer,
  { weight, bias }: { readonly weight?: Float64Array; readonly bias?: Float64Array },
): Graph | undefined {
  const { node, biasAt, outputs } = layer
  const { dtype } = layer.weight
  const weighted = weight ? withConstant(graph, node.id, 1, { dtype, shape: layer.weight.shape }, weight) : graph
  const old = plainConstant(graph, biasAt.node.inputs[biasAt.input])
  if (!weighted || !bias || (!old && bias.every((b) => b === 0))) return weighted
  return withConstant(weighted, biasAt.node.id, biasAt.input, old ?? { dtype, shape: [outputs] }, bias)
}

/**
 * The graph with other numbers in a constant of a node: under the same id, unless others read it too or there was none.
 * Undefined if one of them is not finite in the dtype.
 */
export function withConstant(
  graph: Graph,
  id: NodeId,
  input: number,
  { dtype, shape }: Pick<Tensor, 'dtype' | 'shape'>,
  numbers: Float64Array,
): Graph | undefined {
  const node = graph.nodes.find((candidate) => candidate.id === id)!
  const old: ValueId | null = node.inputs[input] ?? null
  const made = constantLike(graph, old ?? `${id}_${input === 2 ? 'bias' : 'constant'}`, dtype, shape, numbers)
  if (!made) return undefined
  const own = old !== null && consumers(graph).get(old)!.length === 1 && !graph.outputs.includes(old)
  const value = own && node.inputs.filter((other) => other === old).length === 1 ? { ...made, id: old } : made
  const inputs = Array.from({ length: Math.max(node.inputs.length, input + 1) }, (_, i) =>
    i === input ? value.id : (node.inputs[i] ?? null),
  )
  const nodes = graph.nodes.map((other) => (other === node ? { ...node, inputs } : other))
  return replaceValues({ ...graph, nodes }, new Map([[value.id, value]]))
}
