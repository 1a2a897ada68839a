import type { Node, OpKind, Recurrence } from '@mixbit/graph'
import type { LayerConfig } from './layer.ts'

/** What the toolkit knows of a layer by its class alone; the others are opaque. */
const named: Partial<Record<OpKind, string>> = {
  conv: 'Conv1D Conv2D Conv3D SeparableConv1D SeparableConv2D',
  depthwiseConv: 'DepthwiseConv2D',
  convTranspose: 'Conv2DTranspose Conv3DTranspose',
  dense: 'Dense',
  embedding: 'Embedding',
  recurrent: 'LSTM GRU SimpleRNN Bidirectional',
  add: 'Add',
  mul: 'Multiply',
  concat: 'Concatenate',
  activation: 'ReLU LeakyReLU PReLU ELU ThresholdedReLU',
  softmax: 'Softmax',
  batchNorm: 'BatchNormalization',
  layerNorm: 'LayerNormalization',
  maxPool: 'MaxPooling1D MaxPooling2D MaxPooling3D GlobalMaxPooling1D GlobalMaxPooling2D',
  averagePool: 'AveragePooling1D AveragePooling2D AveragePooling3D GlobalAveragePooling1D GlobalAveragePooling2D',
  pad: 'ZeroPadding2D',
  resize: 'UpSampling2D Resizing',
  elementwise: 'Subtract Average Maximum Minimum Rescaling',
  reshapeLike: 'Flatten Reshape Permute RepeatVector Cropping2D',
  identity: 'Dropout SpatialDropout1D AlphaDropout GaussianDropout GaussianNoise ActivityRegularization',
}
const kinds = new Map(
  Object.entries(named).flatMap(([kind, names]) => names.split(' ').map((op) => [op, kind as OpKind])),
)
const activations: Readonly<Record<string, OpKind>> = { softmax: 'softmax', sigmoid: 'sigmoid', linear: 'identity' }
const preserving = new Set<OpKind>(['reshapeLike', 'maxPool', 'identity'])

type Bounds = NonNullable<Node['bounds']>
const infinity = Number.POSITIVE_INFINITY
const bounded: Readonly<Record<string, Bounds>> = {
  relu: [0, infinity],
  relu6: [0, 6],
  elu: [-1, infinity],
  sigmoid: [0, 1],
  hardSigmoid: [0, 1],
  hard_sigmoid: [0, 1],
  tanh: [-1, 1],
  softmax: [0, 1],
}

/** Kind, quantizable weights and bounds of a layer; `ranks` are those of its float weights, `roles` their names. */
export function classifyLayer(
  op: string,
  config: LayerConfig,
  data: number,
  roles: readonly string[],
  ranks: readonly number[],
): Pick<Node, 'kind' | 'weights' | 'preserving' | 'bounds' | 'recurrence'> {
  const activation = typeof config.activation === 'string' ? config.activation : 'linear'
  const kind = op === 'Activation' ? (activations[activation] ?? 'activation') : (kinds.get(op) ?? 'opaque')
  const fits = kind !== 'batchNorm' || roles.length === 4
  if (config.data_format === 'channels_first' || !fits) return { kind: 'opaque', weights: [] }
  const weights = roles.flatMap((role, i) => {
    const own = axisOf(kind, role, ranks[i]!)
    return own === undefined ? [] : [{ input: data + i, axis: own }]
  })
  const bounds = boundsOf(op, config, activation)
  const recurrence = kind === 'recurrent' ? recurrenceOf(config, data, roles) : null
  return {
    kind,
    weights,
    ...(preserving.has(kind) && { preserving: true }),
    ...(bounds && { bounds }),
    ...(recurrence && { recurrence }),
  }
}

/** Of layers with one direction; states that are given from outside, or in reverse order, are not looked at. */
function recurrenceOf(config: LayerConfig, data: number, roles: readonly string[]): Recurrence | null {
  const at = (name: RegExp) => roles.flatMap((role, i) => (name.test(role) ? [data + i] : []))
  const state = at(/(^|\/)recurrent_kernel$/)
  const input = at(/(^|\/)kernel$/)
  if (state.length !== 1 || input.length !== 1) return null
  const seen =
    data === 1 && config.return_sequences === true && config.go_backwards !== true && config.stateful !== true
  return {
    timeAxis: 1,
    inputWeight: input[0]!,
    stateWeight: state[0]!,
    initialState: null,
    states: seen ? 0 : null,
    directions: [1],
  }
}

/** The axis of the output channels of a weight; undefined for those that are no matrices. */
function axisOf(kind: OpKind, role: string, rank: number): number | undefined {
  if (rank < 2) return undefined
  if (kind === 'embedding') return role === 'embeddings' ? rank - 1 : undefined
  if (!role.endsWith('kernel') || !/conv|dense|recurrent/i.test(kind)) return undefined
  // [h, w, in, multiplier] and [h, w, out, in].
  return kind === 'convTranspose' || role === 'depthwise_kernel' ? rank - 2 : rank - 1
}

function boundsOf(op: string, config: LayerConfig, activation: string): Bounds | undefined {
  const top = config.max_value
  if (op === 'ReLU')
    return Number(config.negative_slope ?? 0) === 0 && Number(config.threshold ?? 0) === 0
      ? [0, typeof top === 'number' ? top : infinity]
      : undefined
  if (op === 'Softmax') return [0, 1]
  return Object.hasOwn(bounded, activation) ? bounded[activation] : undefined
}
