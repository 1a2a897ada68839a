import type { Graph, Node, OpKind, Value } from '../graph.ts'
import { toF32 } from '../half.ts'
import type { Pass } from '../rewrite.ts'
import { sizeOf, type Tensor } from '../tensor.ts'
import {
  constantLike,
  type Edit,
  float,
  integer,
  onlyFor,
  plainConstant,
  unseen,
  untilSettled,
  type View,
} from './edit.ts'

/** Per-channel numbers of a batch norm. */
export interface BatchNormNumbers {
  readonly gamma: ArrayLike<number>
  readonly beta: ArrayLike<number>
  readonly mean: ArrayLike<number>
  readonly variance: ArrayLike<number>
  readonly epsilon: number
}

/**
 * y = gamma (x - mean) / sqrt(variance + epsilon) + beta as y = scale x + shift, in float64. A layer's W and b become
 * W scale and beta + (b - mean) scale, which is b scale + shift.
 */
export function scaleAndShift({ gamma, beta, mean, variance, epsilon }: BatchNormNumbers): {
  scale: Float64Array
  shift: Float64Array
} {
  const scale = Float64Array.from(gamma, (g, i) => g / Math.sqrt(variance[i]! + epsilon))
  return { scale, shift: scale.map((s, i) => beta[i]! - mean[i]! * s) }
}

const foldable: ReadonlySet<OpKind> = new Set(['conv', 'depthwiseConv', 'convTranspose', 'dense'])

/**
 * Folds a batch norm (inputs x, gamma, beta, mean, variance, all constants but x; `epsilon`, default 1e-5) into the conv,
 * depthwise conv, transposed conv or dense layer before it, if nobody else sees that layer's output. The layer keeps its id
 * and takes the batch norm's output. Layers that cannot take a bias (MatMul), stored weights, training mode and results that
 * are not finite in the weight's dtype stay as they are.
 */
export const foldBatchNorm: Pass = { name: 'foldBatchNorm', run: (graph) => untilSettled(graph, match) }

function match(view: View, norm: Node): Edit | undefined {
  const inference = integer(norm.attrs.training_mode, 0) === 0 && integer(norm.attrs.spatial, 1) === 1
  if (norm.kind !== 'batchNorm' || !inference || norm.attrs.activation || !unseen(view, norm.outputs.slice(1)))
    return undefined
  const layer = onlyFor(view, norm, norm.inputs[0])
  const folded = layer && takesBias(view.graph, layer) ? fold(view.graph, layer, norm) : undefined
  if (!layer || !folded) return undefined
  const [weight, bias] = folded
  const inputs = [layer.inputs[0]!, weight.id, bias.id]
  return { drop: new Set([norm.id]), replace: { ...layer, inputs, outputs: [norm.outputs[0]!] }, constants: folded }
}

/** Layouts in which the fold is the textbook one: weight at input 1, bias at 2, channels on axis 1 of a convolution or last. */
function takesBias(graph: Graph, layer: Node): boolean {
  const plain = foldable.has(layer.kind) && layer.op !== 'MatMul' && layer.inputs.length <= 3 && !layer.attrs.activation
  const rank = graph.values.get(layer.outputs[0] ?? '')?.shape?.length
  const channelsLast = layer.kind !== 'dense' || layer.op === 'Gemm' || rank === 2
  return (
    plain &&
    channelsLast &&
    layer.weights.length === 1 &&
    layer.weights[0]!.input === 1 &&
    float(layer.attrs.beta, 1) === 1
  )
}

function fold(graph: Graph, layer: Node, norm: Node): [Value, Value] | undefined {
  const weight = plainConstant(graph, layer.inputs[1])
  const numbers = norm.inputs.slice(1, 5).map((id) => plainConstant(graph, id))
  if (!weight || numbers.length !== 4 || numbers.some((n) => !n)) return undefined
  const [gamma, beta, mean, variance] = numbers.map((n) => toF32(n!)) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ]
  const { scale, shift } = scaleAndShift({ gamma, beta, mean, variance, epsilon: float(norm.attrs.epsilon, 1e-5) })
  const channelOf = channels(layer, weight.shape, scale.length)
  const bias = biasOf(graph, layer, scale.length)
  if (!channelOf || !bias) return undefined
  const scaled = Float64Array.from(toF32(weight), (w, i) => w * scale[channelOf(i)]!)
  const shifted = bias.map((b, i) => b * scale[i]! + shift[i]!)
  const newWeight = constantLike(graph, `${layer.inputs[1]}_folded`, weight.dtype, weight.shape, scaled)
  const newBias = constantLike(
    graph,
    `${layer.inputs[2] ?? `${layer.inputs[1]}_bias`}_folded`,
    weight.dtype,
    [scale.length],
    shifted,
  )
  return newWeight && newBias && newWeight.id !== newBias.id ? [newWeight, newBias] : undefined
}

/** Which output channel the i-th weight belongs to; undefined when the shapes do not agree. */
function channels(layer: Node, shape: readonly number[], count: number): ((i: number) => number) | undefined {
  const groups = layer.kind === 'convTranspose' ? integer(layer.attrs.group, 1) : 1
  if (groups > 1) {
    // Transposed: [Cin, Cout / groups, ...]; the group of an input channel decides which block of outputs it feeds.
    const perGroup = shape[1]!
    const inner = sizeOf(shape.slice(2))
    const inputsPerGroup = shape[0]! / groups
    if (perGroup * groups !== count) return undefined
    return (i) => Math.floor(i / (inner * perGroup) / inputsPerGroup) * perGroup + (Math.floor(i / inner) % perGroup)
  }
  const { axis } = layer.weights[0]!
  const inner = sizeOf(shape.slice(axis + 1))
  // Depthwise with channels last: [...kernel, Cin, multiplier].
  if (layer.kind === 'depthwiseConv' && axis > 0 && shape[axis]! * inner === count) return (i) => i % count
  return shape[axis] === count ? (i) => Math.floor(i / inner) % count : undefined
}

/** The bias as one number per channel (zeros without one); undefined when it is no such thing. */
function biasOf(graph: Graph, layer: Node, count: number): Float64Array | undefined {
  if ((layer.inputs[2] ?? null) === null) return new Float64Array(count)
  const bias: Tensor | undefined = plainConstant(graph, layer.inputs[2])
  const size = bias && sizeOf(bias.shape)
  if (!bias || (size !== 1 && !(size === count && bias.shape.at(-1) === count))) return undefined
  const data = toF32(bias)
  return Float64Array.from({ length: count }, (_, i) => data[size === 1 ? 0 : i]!)
}
