import { type Graph, type Node, sizeOf, type Tensor } from '@mixbit/graph'
import { convRows } from './conv-rows.ts'

/**
 * A layer as a matrix product: at every position of its output, each group gives `outputs` numbers, its rows of weights
 * times its `inputs` there, plus a bias.
 */
export interface LayerRows {
  /** Groups share no inputs; one for most layers, one per channel for depthwise ones. */
  readonly groups: number
  readonly outputs: number
  readonly inputs: number
  /** Index in the weight tensor of input `column` of output `row` of a group. */
  weightIndex(group: number, row: number, column: number): number
  /** Positions of an output of this shape. */
  positions(shape: readonly number[]): number
  /** Writes the inputs of all groups, one behind the other, at one position to `to[at ...]`. */
  gather(x: Float32Array, place: Place, to: Float32Array, at: number): void
  /** Index in an output of that shape of the group's `row` at a position. */
  outputIndex(shape: readonly number[], group: number, row: number, position: number): number
}

/** A position of an output; shapes of the input and the output. */
export interface Place {
  readonly input: readonly number[]
  readonly output: readonly number[]
  readonly position: number
}

/** The matrix form of a layer with its weight as second input; null where it has none that is known. */
export function layerRows(graph: Graph, node: Node): LayerRows | null {
  const [weight] = node.weights
  const tensor =
    node.weights.length === 1 && weight?.input === 1 ? graph.values.get(node.inputs[1] ?? '')?.tensor : null
  // With an activation inside, what comes out is not the matrix product.
  if (!weight || !tensor || node.attrs.activation) return null
  if (node.kind === 'dense') return plain(node) ? denseRows(tensor, weight.axis) : null
  return node.window ? convRows(node.kind, node.window, tensor.shape, weight.axis) : null
}

/** Gemm with factors or a transposed input is no plain product. */
const plain = ({ attrs }: Node): boolean =>
  attrs.transA !== 1 && ['alpha', 'beta'].every((name) => ((attrs[name] as { float?: number })?.float ?? 1) === 1)

function denseRows({ shape }: Tensor, axis: number): LayerRows | null {
  if (shape.length !== 2) return null
  const [first, second] = shape as [number, number]
  const [outputs, inputs] = axis === 0 ? [first, second] : [second, first]
  return {
    groups: 1,
    outputs,
    inputs,
    weightIndex: (_group, row, column) => (axis === 0 ? row * inputs + column : column * outputs + row),
    positions: (output) => sizeOf(output) / outputs,
    gather: (x, { position }, to, at) => to.set(x.subarray(position * inputs, (position + 1) * inputs), at),
    outputIndex: (_shape, _group, row, position) => position * outputs + row,
  }
}
