import { sizeOf, type Tensor } from '@mixbit/graph'
import type { NodeDef } from './graph-model/node-def.ts'
import { zeroed } from './layers-model/calls.ts'
import { loadRuntime, type Tf } from './runtime.ts'
import type { TfjsFiles } from './source.ts'
import { plainWeight } from './tensor-bytes.ts'
import { filesOf } from './write/files.ts'

/** TF.js as the adapter has it by default: for tests. */
export const runtime = (): Promise<Tf> => loadRuntime(undefined, () => {})

/** Seeded numbers in [-1, 1). */
export function tensor(shape: readonly number[], seed: number): Tensor {
  let state = (seed * 2654435761) % 2147483647 || 1
  const data = Float32Array.from({ length: sizeOf(shape) }, () => {
    state = (state * 48271) % 2147483647
    return (state / 2147483647) * 2 - 1
  })
  return { dtype: 'f32', shape, data }
}

export const ints = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor => ({
  dtype: 'i32',
  shape,
  data: Int32Array.from(values),
})

/** What a node of a test needs: inputs that are not nodes are constants. */
type Op = readonly [name: string, op: string, inputs: readonly string[], attr?: NodeDef['attr']]

const s = (text: string) => ({ s: btoa(text) })
const list = (...texts: string[]) => ({ list: { s: texts.map((text) => btoa(text)) } })
const i = (...numbers: number[]) => ({ list: { i: numbers.map(String) } })
const dims = (...shape: number[]) => ({ shape: { dim: shape.map((size) => ({ size: String(size) })) } })

/** A graph model as converters write it. */
export function graphModel(
  inputs: Readonly<Record<string, readonly [type: string, ...shape: number[]]>>,
  ops: readonly Op[],
  constants: Readonly<Record<string, Tensor>>,
  outputs: readonly string[],
): TfjsFiles {
  const info = (name: string, dtype: string, tensorShape?: object) => [name, { name: `${name}:0`, dtype, tensorShape }]
  const node: NodeDef[] = [
    ...Object.entries(inputs).map(([name, [type, ...shape]]) => ({
      name,
      op: 'Placeholder',
      attr: { dtype: { type }, shape: dims(...shape) },
    })),
    ...Object.keys(constants).map((name) => ({ name, op: 'Const', attr: {} })),
    ...ops.map(([name, op, input, attr = {}]) => ({ name, op, input, attr: { T: { type: 'DT_FLOAT' }, ...attr } })),
  ]
  const signature = {
    inputs: Object.fromEntries(
      Object.entries(inputs).map(([name, [type, ...shape]]) => info(name, type, dims(...shape).shape)),
    ),
    outputs: Object.fromEntries(outputs.map((name) => info(name, 'DT_FLOAT'))),
  }
  return filesOf(
    { format: 'graph-model', modelTopology: { node, versions: {} }, signature },
    Object.entries(constants).map(([name, value]) => plainWeight(name, value)),
  )
}

const conv = (padding = 'SAME', stride = 1) => ({
  strides: i(1, stride, stride, 1),
  dilations: i(1, 1, 1, 1),
  padding: s(padding),
  data_format: s('NHWC'),
})

/** A small network with every kind of convolution, fused operators, a batch norm, a residual and a dense layer. */
export const convGraph = (): TfjsFiles =>
  graphModel(
    { x: ['DT_FLOAT', -1, 8, 8, 3] },
    [
      [
        'relu',
        '_FusedConv2D',
        ['x', 'w1', 'b1'],
        { ...conv(), fused_ops: list('BiasAdd', 'Relu'), num_args: { i: '1' } },
      ],
      ['conv', 'Conv2D', ['relu', 'w2'], conv('VALID')],
      [
        'norm',
        'FusedBatchNormV3',
        ['conv', 'gamma', 'beta', 'mean', 'variance'],
        { epsilon: { f: 0.001 }, data_format: s('NHWC'), is_training: { b: false } },
      ],
      [
        'prelu',
        '_FusedConv2D',
        ['norm', 'w3', 'b3', 'alpha'],
        { ...conv(), fused_ops: list('BiasAdd', 'Prelu'), num_args: { i: '2' } },
      ],
      [
        'depthwise',
        'FusedDepthwiseConv2dNative',
        ['prelu', 'w4', 'b4'],
        { ...conv(), fused_ops: list('BiasAdd', 'Relu6'), num_args: { i: '1' } },
      ],
      ['twice', 'DepthwiseConv2dNative', ['depthwise', 'w5'], conv('SAME', 2)],
      ['up', 'Conv2DBackpropInput', ['upShape', 'w6', 'twice'], conv('SAME', 2)],
      ['sum', 'AddV2', ['up', 'depthwise']],
      ['split', 'Split', ['axis', 'sum'], { num_split: { i: '2' } }],
      ['cat', 'ConcatV2', ['split:1', 'split', 'axis'], { N: { i: '2' } }],
      ['mean_', 'Mean', ['cat', 'hw'], { keep_dims: { b: false } }],
      [
        'dense',
        '_FusedMatMul',
        ['mean_', 'w7', 'b7'],
        { transpose_a: { b: false }, transpose_b: { b: false }, fused_ops: list('BiasAdd'), num_args: { i: '1' } },
      ],
      ['softmax', 'Softmax', ['dense']],
      ['Identity', 'Identity', ['softmax', '^sum']],
      ['Identity_1', 'Identity', ['split:1']],
    ],
    {
      w1: tensor([3, 3, 3, 8], 1),
      b1: tensor([8], 2),
      w2: tensor([1, 1, 8, 6], 3),
      gamma: tensor([6], 4),
      beta: tensor([6], 5),
      mean: tensor([6], 6),
      variance: { ...tensor([6], 7), data: Float32Array.of(1, 2, 3, 0.5, 0.1, 4) },
      w3: tensor([3, 3, 6, 8], 8),
      b3: tensor([8], 9),
      alpha: tensor([8], 10),
      w4: tensor([3, 3, 8, 1], 11),
      b4: tensor([8], 12),
      w5: tensor([3, 3, 8, 2], 13),
      upShape: ints([2, 8, 8, 8]),
      w6: tensor([3, 3, 8, 16], 14),
      axis: ints([3], []),
      hw: ints([1, 2]),
      w7: tensor([8, 5], 15),
      b7: tensor([5], 16),
    },
    ['Identity', 'Identity_1'],
  )

/** Embedding by rows, an Einsum that the wasm backend lacks, a matrix as a bias, and a conditional around it all. */
export const wordGraph = (): TfjsFiles =>
  graphModel(
    { ids: ['DT_INT32', -1, 3] },
    [
      ['rows', 'GatherV2', ['table', 'ids', 'zero'], { batch_dims: { i: '0' }, Tparams: { type: 'DT_FLOAT' } }],
      ['einsum', 'Einsum', ['rows', 'w'], { equation: s('abf,fe->abe'), N: { i: '2' } }],
      ['last', 'Max', ['einsum', 'one'], { keep_dims: { b: false } }],
      [
        'dense',
        '_FusedMatMul',
        ['last', 'w2', 'b2'],
        { transpose_a: { b: false }, transpose_b: { b: false }, fused_ops: list('BiasAdd'), num_args: { i: '1' } },
      ],
      ['top', 'Max', ['dense', 'all'], { keep_dims: { b: false } }],
      ['positive', 'Greater', ['top', 'none']],
      ['switch', 'Switch', ['dense', 'positive']],
      ['then', 'Mul', ['switch:1', 'two']],
      ['else', 'Neg', ['switch']],
      ['merge', 'Merge', ['else', 'then'], { N: { i: '2' } }],
      ['y', 'Relu', ['merge']],
    ],
    {
      table: tensor([20, 12], 1),
      zero: ints([0], []),
      w: tensor([12, 7], 2),
      one: ints([1]),
      w2: tensor([7, 9], 3),
      b2: tensor([1, 9], 4),
      all: ints([0, 1]),
      none: { dtype: 'f32', shape: [], data: Float32Array.of(0) },
      two: { dtype: 'f32', shape: [], data: Float32Array.of(2) },
    },
    ['y'],
  )

/** y = x doubled until it exceeds 10, then a dense layer: a loop with frames. */
export const loopGraph = (): TfjsFiles => {
  const frame = { frame_name: s('while') }
  return graphModel(
    { x: ['DT_FLOAT', 1, 4] },
    [
      ['start', 'MatMul', ['x', 'w1'], { transpose_a: { b: false }, transpose_b: { b: false } }],
      ['enter', 'Enter', ['start'], { ...frame, is_constant: { b: false } }],
      ['limit', 'Enter', ['ten'], { ...frame, is_constant: { b: true } }],
      ['merge', 'Merge', ['enter', 'next'], { N: { i: '2' } }],
      ['most', 'Max', ['merge', 'all'], { keep_dims: { b: false } }],
      ['less', 'Less', ['most', 'limit']],
      ['cond', 'LoopCond', ['less']],
      ['switch', 'Switch', ['merge', 'cond']],
      ['body', 'AddV2', ['switch:1', 'one']],
      ['next', 'NextIteration', ['body']],
      ['exit', 'Exit', ['switch']],
      ['y', 'MatMul', ['exit', 'w2'], { transpose_a: { b: false }, transpose_b: { b: false } }],
    ],
    {
      w1: tensor([4, 6], 1),
      w2: tensor([6, 5], 2),
      all: ints([0, 1]),
      ten: { dtype: 'f32', shape: [], data: Float32Array.of(10) },
      one: { dtype: 'f32', shape: [], data: Float32Array.of(1) },
    },
    ['y'],
  )
}

/** A layers model from the config of Keras, with seeded weights: for tests. */
export async function layersModel(config: object, class_name = 'Functional', seed = 1): Promise<TfjsFiles> {
  const tf = await runtime()
  const modelTopology = { class_name, config }
  const model = await tf.loadLayersModel(
    { load: async () => ({ modelTopology: zeroed(modelTopology) }) },
    { strict: false },
  )
  const weights = model.layers.flatMap((layer) =>
    layer.weights.map((weight, k) => {
      const { shape, originalName } = weight as unknown as { shape: number[]; originalName: string }
      const value = tensor(shape, seed++ + k)
      const positive = { ...value, data: (value.data as Float32Array).map((x) => x * x + 0.1) }
      return plainWeight(originalName, originalName.endsWith('moving_variance') ? positive : value)
    }),
  )
  model.dispose()
  return filesOf({ format: 'layers-model', modelTopology }, weights)
}

const layer = (class_name: string, name: string, config: object, ...from: string[]) => ({
  class_name,
  name,
  config: { ...config, name },
  inbound_nodes: from.length === 0 ? [] : [from.map((other) => [other, 0, 0, {}])],
})
const input = (name: string, ...shape: (number | null)[]) =>
  layer('InputLayer', name, { batch_input_shape: [null, ...shape], dtype: 'float32' })
const functional = (layers: object[], from: string, to: string) => ({
  name: 'net',
  layers,
  input_layers: [[from, 0, 0]],
  output_layers: [[to, 0, 0]],
})

/** Every kind of convolution, batch norms with and without a scale, dropout, a shared layer and a dense softmax. */
export const convLayers = (): Promise<TfjsFiles> =>
  layersModel(
    functional(
      [
        input('x', 8, 8, 3),
        layer('Conv2D', 'first', { filters: 8, kernel_size: [3, 3], padding: 'same', use_bias: false }, 'x'),
        layer('BatchNormalization', 'norm', { axis: [3], scale: false, epsilon: 0.01 }, 'first'),
        layer('ReLU', 'relu', { max_value: 6 }, 'norm'),
        layer('Dropout', 'dropout', { rate: 0.5 }, 'relu'),
        layer('DepthwiseConv2D', 'depthwise', { kernel_size: [3, 3], padding: 'same', depth_multiplier: 2 }, 'dropout'),
        layer('BatchNormalization', 'norm2', { axis: -1 }, 'depthwise'),
        layer(
          'SeparableConv2D',
          'separable',
          { filters: 8, kernel_size: [3, 3], padding: 'same', activation: 'relu' },
          'norm2',
        ),
        layer('Add', 'sum', {}, 'separable', 'relu'),
        layer('Conv2DTranspose', 'up', { filters: 4, kernel_size: [2, 2], strides: [2, 2] }, 'sum'),
        layer('PReLU', 'prelu', { shared_axes: [1, 2] }, 'up'),
        {
          ...layer('Conv2D', 'shared', { filters: 4, kernel_size: [1, 1] }),
          inbound_nodes: [[['prelu', 0, 0, {}]], [['up', 0, 0, {}]]],
        },
        {
          ...layer('Concatenate', 'cat', { axis: -1 }),
          inbound_nodes: [
            [
              ['shared', 0, 0, {}],
              ['shared', 1, 0, {}],
            ],
          ],
        },
        layer('GlobalAveragePooling2D', 'pool', {}, 'cat'),
        layer('Dense', 'predictions', { units: 10, activation: 'softmax' }, 'pool'),
      ],
      'x',
      'predictions',
    ),
  )

/** Recurrent layers, also in both directions. */
export const recurrentLayers = (): Promise<TfjsFiles> =>
  layersModel(
    [
      {
        class_name: 'Conv1D',
        config: {
          name: 'conv',
          filters: 6,
          kernel_size: [3],
          activation: 'tanh',
          batch_input_shape: [null, 9, 5],
          dtype: 'float32',
        },
      },
      { class_name: 'GRU', config: { name: 'gru', units: 7, return_sequences: true, reset_after: false } },
      {
        class_name: 'Bidirectional',
        config: {
          name: 'both',
          merge_mode: 'concat',
          layer: { class_name: 'LSTM', config: { name: 'lstm', units: 6, return_sequences: false, dtype: 'float32' } },
        },
      },
      { class_name: 'Dense', config: { name: 'out', units: 4, activation: 'linear' } },
    ],
    'Sequential',
  )

/** Token ids through an embedding. */
export const embeddingLayers = (): Promise<TfjsFiles> =>
  layersModel(
    functional(
      [
        layer('InputLayer', 'ids', { batch_input_shape: [null, 4], dtype: 'int32' }),
        layer('Embedding', 'table', { input_dim: 20, output_dim: 12 }, 'ids'),
        layer('LSTM', 'lstm', { units: 6 }, 'table'),
        layer('Dense', 'out', { units: 3, activation: 'sigmoid' }, 'lstm'),
      ],
      'ids',
      'out',
    ),
  )

/** A model within a model, which stays one opaque layer, between two dense ones. */
export const nestedLayers = (): Promise<TfjsFiles> =>
  layersModel(
    functional(
      [
        input('x', 6),
        layer('Dense', 'before', { units: 5, activation: 'relu' }, 'x'),
        layer(
          'Functional',
          'inner',
          functional([input('y', 5), layer('Dense', 'inside', { units: 4 }, 'y')], 'y', 'inside'),
          'before',
        ),
        { ...layer('Dense', 'after', { units: 3 }), inbound_nodes: [[['inner', 1, 0, {}]]] },
      ],
      'x',
      'after',
    ),
  )
