import type { Dim, Node, OpKind, Recurrence, Tensor, Weight, Window } from '@mixbit/graph'

/** What the toolkit knows of an operator by its name alone; the others are opaque. */
const kinds: Readonly<Record<string, OpKind>> = {
  Conv: 'conv',
  ConvTranspose: 'convTranspose',
  Gemm: 'dense',
  MatMul: 'matmul',
  Gather: 'gather',
  LSTM: 'recurrent',
  GRU: 'recurrent',
  RNN: 'recurrent',
  Add: 'add',
  Sum: 'add',
  Mul: 'mul',
  Concat: 'concat',
  Relu: 'activation',
  LeakyRelu: 'activation',
  PRelu: 'activation',
  Clip: 'activation',
  HardSwish: 'activation',
  Elu: 'activation',
  Selu: 'activation',
  Gelu: 'activation',
  Tanh: 'activation',
  HardSigmoid: 'activation',
  Mish: 'activation',
  Sigmoid: 'sigmoid',
  Softmax: 'softmax',
  BatchNormalization: 'batchNorm',
  LayerNormalization: 'layerNorm',
  MaxPool: 'maxPool',
  GlobalMaxPool: 'maxPool',
  AveragePool: 'averagePool',
  GlobalAveragePool: 'averagePool',
  Pad: 'pad',
  ReduceMean: 'reduce',
  ReduceSum: 'reduce',
  ReduceMax: 'reduce',
  ReduceMin: 'reduce',
  Resize: 'resize',
  Upsample: 'resize',
  Sub: 'elementwise',
  Div: 'elementwise',
  Pow: 'elementwise',
  Sqrt: 'elementwise',
  Exp: 'elementwise',
  Log: 'elementwise',
  Erf: 'elementwise',
  Neg: 'elementwise',
  Abs: 'elementwise',
  Min: 'elementwise',
  Max: 'elementwise',
  Softplus: 'elementwise',
  Reshape: 'reshapeLike',
  Flatten: 'reshapeLike',
  Transpose: 'reshapeLike',
  Squeeze: 'reshapeLike',
  Unsqueeze: 'reshapeLike',
  DepthToSpace: 'reshapeLike',
  SpaceToDepth: 'reshapeLike',
  Slice: 'reshapeLike',
  Expand: 'reshapeLike',
  Identity: 'identity',
}

const preserving = new Set<OpKind>(['reshapeLike', 'maxPool', 'identity', 'gather'])

/** Kinds whose weights `@mixbit/onnx` stores on a grid. */
export const weightKinds: ReadonlySet<OpKind> = new Set([
  'conv',
  'depthwiseConv',
  'convTranspose',
  'dense',
  'matmul',
  'embedding',
  'recurrent',
])

export interface Classified {
  readonly kind: OpKind
  readonly weights: readonly Weight[]
  readonly preserving?: boolean
  readonly bounds?: readonly [number, number]
  readonly window?: Window
  readonly recurrence?: Recurrence
}

/** Kind and quantizable weights of an operator, from its name, attributes and constant inputs. */
export function classify(
  op: string,
  inputs: readonly (string | null)[],
  attrs: Node['attrs'],
  constant: (id: string) => Tensor | undefined,
): Classified {
  const kind = kinds[op] ?? 'opaque'
  const shapeOf = (input: number): readonly number[] | undefined => {
    const id = inputs[input]
    const tensor = id == null ? undefined : constant(id)
    return tensor && (tensor.dtype === 'f32' || tensor.dtype === 'f16') && tensor.shape.length >= 2
      ? tensor.shape
      : undefined
  }
  const weighing = (input: number, axis: number, named: OpKind = kind): Classified => ({
    kind: named,
    weights: [{ input, axis }],
  })
  const bounds = boundsOf(op, inputs, attrs, constant)
  const none: Classified = {
    kind,
    weights: [],
    ...(bounds && { bounds }),
    ...(preserving.has(kind) && { preserving: true }),
  }
  const weight = shapeOf(1)
  const group = typeof attrs.group === 'number' ? attrs.group : 1
  switch (op) {
    case 'Conv':
      if (!weight) return none
      return {
        ...weighing(1, 0, group > 1 && weight[1] === 1 ? 'depthwiseConv' : 'conv'),
        window: windowOf(attrs, weight.length - 2),
      }
    case 'ConvTranspose':
      // Weights are [in, out / group, ...]: with one output per group, the outputs run along the first axis.
      if (!weight) return none
      return { ...weighing(1, group > 1 && weight[1] === 1 ? 0 : 1), window: windowOf(attrs, weight.length - 2) }
    case 'Gemm':
      return weight ? weighing(1, attrs.transB === 1 ? 0 : 1) : none
    case 'MatMul':
      if (weight) return weighing(1, weight.length - 1, weight.length === 2 ? 'dense' : 'matmul')
      return shapeOf(0) ? weighing(0, shapeOf(0)!.length - 2) : none
    case 'Gather':
      return shapeOf(0)?.length === 2 && (attrs.axis ?? 0) === 0 ? weighing(0, 1, 'embedding') : none
    case 'LSTM':
    case 'GRU':
    case 'RNN':
      return {
        kind,
        weights: [1, 2].filter(shapeOf).map((input) => ({ input, axis: 1 })),
        ...(inputs[4] == null && { recurrence: recurrenceOf(inputs, attrs) }),
      }
    default:
      return none
  }
}

/** Sequences of different lengths (a fifth input) have none. */
const recurrenceOf = (inputs: readonly (string | null)[], { direction, layout }: Node['attrs']): Recurrence => ({
  timeAxis: layout === 1 ? 1 : 0,
  inputWeight: 1,
  stateWeight: 2,
  initialState: inputs[5] == null ? null : 5,
  states: 0,
  directions: direction === 'bidirectional' ? [1, -1] : [direction === 'reverse' ? -1 : 1],
})

const autoPads = { SAME_UPPER: 'sameUpper', SAME_LOWER: 'sameLower' } as const

/** The window of a convolution with `rank` spatial axes. */
function windowOf(attrs: Node['attrs'], rank: number): Window {
  const list = (name: string, length: number, otherwise: number) =>
    (attrs[name] as readonly number[] | undefined) ?? new Array<number>(length).fill(otherwise)
  const auto = autoPads[attrs.auto_pad as keyof typeof autoPads]
  return {
    strides: list('strides', rank, 1),
    dilations: list('dilations', rank, 1),
    pads: auto ?? list('pads', 2 * rank, 0),
    groups: typeof attrs.group === 'number' ? attrs.group : 1,
    channelsLast: false,
  }
}

const bounded: Readonly<Record<string, readonly [number, number]>> = {
  Relu: [0, Number.POSITIVE_INFINITY],
  Sigmoid: [0, 1],
  HardSigmoid: [0, 1],
  Softmax: [0, 1],
  Tanh: [-1, 1],
}

/** What an operator cannot exceed; a Clip has its bounds as attributes up to opset 10, as inputs from 11 on. */
function boundsOf(
  op: string,
  inputs: readonly (string | null)[],
  attrs: Node['attrs'],
  constant: (id: string) => Tensor | undefined,
): readonly [number, number] | undefined {
  if (op !== 'Clip') return Object.hasOwn(bounded, op) ? bounded[op] : undefined
  const limit = (name: string, input: number, otherwise: number): number => {
    const attr = attrs[name]
    if (typeof attr === 'object' && 'float' in attr && typeof attr.float === 'number') return attr.float
    const id = inputs[input]
    if (id == null) return otherwise
    const tensor = constant(id)
    return tensor?.dtype === 'f32' ? (tensor.data[0] as number) : otherwise
  }
  return [limit('min', 1, Number.NEGATIVE_INFINITY), limit('max', 2, Number.POSITIVE_INFINITY)]
}

/** Multiply-accumulates for one sample, where the shapes tell. */
export function macsOf(
  kind: OpKind,
  weight: readonly number[] | undefined,
  output: readonly Dim[] | undefined,
): number | undefined {
  if (!weight || !output) return undefined
  const positions = (dims: readonly Dim[]) =>
    dims.reduce<number>((n, dim) => n * (typeof dim === 'number' ? dim : Number.NaN), 1)
  const elements = positions(weight)
  const macs =
    kind === 'conv' || kind === 'depthwiseConv'
      ? elements * positions(output.slice(2))
      : kind === 'dense' || kind === 'matmul'
        ? elements * positions(output.slice(1, -1))
        : Number.NaN
  return Number.isFinite(macs) ? macs : undefined
}
