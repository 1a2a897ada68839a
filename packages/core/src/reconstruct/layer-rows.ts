import type { Graph, Node } from '@mixbit/graph'
import { convRows } from './conv-rows.ts'
import { batchFits, matmulRows } from './matmul-rows.ts'

/**
 * A layer as a matrix product: at every position of its output, each group gives `outputs` numbers, its rows of weights
 * times its `inputs` there, plus a bias.
 */
export interface LayerRows {
  /** Groups share no inputs; one for most layers, one per channel for depthwise ones. */
  readonly groups: number
  readonly outputs: number
  readonly inputs: number
  /** All groups have the same scale in a row: the grid runs along the outputs of one of them. Default: every group its own. */
  readonly sharedScale?: boolean
  /** Inputs are 1 at one place and 0 elsewhere. Default: anything. */
  readonly oneHot?: boolean
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

/** The matrix form of a layer with one weight; null where it has none that is known. */
export function layerRows(graph: Graph, node: Node): LayerRows | null {
  const [weight] = node.weights
  const tensor = node.weights.length === 1 ? graph.values.get(node.inputs[weight!.input] ?? '')?.tensor : null
  if (!weight || !tensor) return null
  if (node.window) return weight.input === 1 ? convRows(node.kind, node.window, tensor.shape, weight.axis) : null
  if (node.kind !== 'dense' && node.kind !== 'matmul') return null
  const data = graph.values.get(node.inputs[1 - weight.input] ?? '')
  return plain(node) && batchFits(tensor.shape, data?.shape) ? matmulRows(node, weight, tensor.shape) : null
}

/** Gemm with factors or a transposed input is no plain product. */
const plain = ({ attrs }: Node): boolean =>
  attrs.transA !== 1 &&
  attrs.transpose_a !== true &&
  ['alpha', 'beta'].every((name) => ((attrs[name] as { float?: number })?.float ?? 1) === 1)
