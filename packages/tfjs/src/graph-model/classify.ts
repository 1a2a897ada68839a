import type { Attr, Dim, Node, OpKind, Tensor, Weight } from '@mixbit/graph'
import { windowOf } from '../window.ts'

/** What the toolkit knows of an operator by its name alone; the others are opaque. */
const named: Partial<Record<OpKind, string>> = {
  conv: 'Conv2D _FusedConv2D Conv3D',
  depthwiseConv: 'DepthwiseConv2dNative FusedDepthwiseConv2dNative',
  convTranspose: 'Conv2DBackpropInput',
  dense: 'MatMul _FusedMatMul',
  matmul: 'BatchMatMul BatchMatMulV2',
  gather: 'Gather GatherV2 GatherNd',
  add: 'Add AddV2 AddN BiasAdd',
  mul: 'Mul',
  concat: 'Concat ConcatV2',
  stack: 'Pack',
  activation: 'Relu Relu6 Elu Selu LeakyRelu Prelu Tanh Softplus ClipByValue',
  sigmoid: 'Sigmoid',
  softmax: 'Softmax',
  batchNorm: 'FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3',
  maxPool: 'MaxPool',
  averagePool: 'AvgPool',
  pad: 'Pad PadV2 MirrorPad',
  reduce: 'Mean Sum Max Min Prod',
  resize: 'ResizeBilinear ResizeNearestNeighbor',
  elementwise:
    'Sub RealDiv Div Pow Sqrt Rsqrt Square SquaredDifference Exp Log Log1p Erf Neg Abs Minimum Maximum Floor Ceil Round Reciprocal Sin Cos',
  reshapeLike: 'Reshape Transpose Squeeze ExpandDims StridedSlice Slice DepthToSpace SpaceToDepth BroadcastTo Tile',
  identity: 'Identity StopGradient',
}
const kinds = new Map(Object.entries(named).flatMap(([kind, ops]) => ops.split(' ').map((op) => [op, kind as OpKind])))

const preserving = new Set<OpKind>(['reshapeLike', 'maxPool', 'identity', 'gather'])

const infinity = Number.POSITIVE_INFINITY
const bounded: Readonly<Record<string, readonly [number, number]>> = {
  Relu: [0, infinity],
  Relu6: [0, 6],
  Elu: [-1, infinity],
  Sigmoid: [0, 1],
  Tanh: [-1, 1],
  Softmax: [0, 1],
}

export type Classified = Pick<Node, 'kind' | 'weights' | 'preserving' | 'bounds' | 'window'> & {
  readonly attrs?: Readonly<Record<string, Attr>>
}

/** Kind, quantizable weights and bounds of an operator, from its name, attributes and constant inputs. */
export function classifyOp(
  op: string,
  inputs: readonly (string | null)[],
  attrs: Node['attrs'],
  constant: (id: string) => Tensor | undefined,
): Classified {
  const kind = kinds.get(op) ?? 'opaque'
  const opaque: Classified = { kind: 'opaque', weights: [] }
  if (attrs.data_format === 'NCHW' || (kind === 'batchNorm' && attrs.is_training === true)) return opaque
  const rankOf = (input: number): number | undefined => {
    const tensor = constant(inputs[input] ?? '')
    return tensor?.dtype === 'f32' && tensor.shape.length >= 2 ? tensor.shape.length : undefined
  }
  const fused = Array.isArray(attrs.fused_ops) ? attrs.fused_ops.filter((name) => name !== 'BiasAdd').map(String) : []
  const last = fused.at(-1) ?? op
  const bounds = Object.hasOwn(bounded, last) ? bounded[last] : undefined
  const plain: Classified = {
    kind,
    weights: [],
    ...(bounds && { bounds }),
    ...(preserving.has(kind) && { preserving: true }),
    // Passes must see that something follows the sum.
    ...(fused.length > 0 && { attrs: { ...attrs, activation: fused.join('+').toLowerCase() } }),
  }
  const window = windowOf(kind, constant(inputs[1] ?? '')?.shape, walkOf(attrs))
  const weighing = (input: number, axis: number, as: OpKind = kind): Classified => ({
    ...plain,
    ...(window && { window }),
    kind: as,
    weights: [{ input, axis } satisfies Weight],
  })
  const [first, second] = [rankOf(0), rankOf(1)]
  switch (kind) {
    case 'conv':
      return second ? weighing(1, second - 1) : plain
    case 'depthwiseConv':
    case 'convTranspose':
      // [h, w, in, multiplier] and [h, w, out, in].
      return second ? weighing(1, second - 2) : plain
    case 'dense':
      return second === 2 ? weighing(1, attrs.transpose_b === true ? 0 : 1) : { ...plain, kind: 'matmul' }
    case 'matmul':
      if (second) return weighing(1, attrs.adj_y === true ? second - 2 : second - 1, second === 2 ? 'dense' : 'matmul')
      return first ? weighing(0, attrs.adj_x === true ? first - 1 : first - 2) : plain
    case 'gather': {
      const axis = constant(inputs[2] ?? '')
      const rows = first === 2 && op !== 'GatherNd' && (op === 'Gather' || axis?.data[0] === 0)
      if (!rows) return plain
      const { preserving: _, ...moving } = weighing(0, 1, 'embedding')
      return moving
    }
    default:
      return plain
  }
}

/** Attributes of a convolution; lists run over all axes, of which the first and the last do not count. */
function walkOf({ strides, dilations, padding, explicit_paddings: explicit }: Node['attrs']) {
  const spatial = (list: Attr | undefined) => (Array.isArray(list) ? (list as number[]).slice(1, -1) : [])
  const own = spatial(strides)
  const pads = Array.isArray(explicit) ? (explicit as number[]).slice(2, -2) : []
  const before = pads.filter((_, i) => i % 2 === 0)
  return {
    strides: own,
    dilations: dilations === undefined ? own.map(() => 1) : spatial(dilations),
    padding: padding === 'EXPLICIT' ? [...before, ...pads.filter((_, i) => i % 2 === 1)] : String(padding),
  }
}

/** Multiply-accumulates for one sample, where the shapes tell; channels come last. */
export function macsOf(
  kind: OpKind,
  weight: readonly number[] | undefined,
  input: readonly Dim[] | undefined,
  output: readonly Dim[] | undefined,
): number | undefined {
  const positions = kind === 'convTranspose' ? input?.slice(1, -1) : output?.slice(1, -1)
  if (!weight || !positions || !/conv|dense|matmul/i.test(kind)) return undefined
  const macs = [...weight, ...positions].reduce<number>((n, dim) => n * (typeof dim === 'number' ? dim : Number.NaN), 1)
  return Number.isFinite(macs) ? macs : undefined
}
