import {
  type Attr,
  type Dim,
  type Graph,
  MixbitError,
  type Node,
  pruneUnused,
  sizeOf,
  type Tensor,
  type Value,
  type ValueId,
} from '@mixbit/graph'
import { dtypeOf } from '../dtypes.ts'
import { macsOf } from '../graph-model/classify.ts'
import { sorted } from '../graph-model/regions.ts'
import { type RawWeight, tensorOf } from '../manifest.ts'
import { constantValue, type TfjsMeta } from '../meta.ts'
import type { Tf, TfLayer, TfLayersModel, TfSymbol } from '../runtime.ts'
import type { LoadedModel } from '../source.ts'
import { windowOf } from '../window.ts'
import { zeroed } from './calls.ts'
import { classifyLayer } from './classify.ts'
import { disposeModel } from './dispose.ts'
import { firstCall, type LayerConfig, roleOf } from './layer.ts'

interface LayerJson {
  readonly class_name: string
  readonly name?: string
  readonly config: LayerConfig & { readonly name: string }
  readonly inbound_nodes?: readonly (readonly (readonly [string, number, number, object?])[])[]
}

/** One application of a layer. */
interface Call {
  readonly layer: LayerJson
  readonly index: number
  readonly inputs: readonly ValueId[]
}

/** The value that an application of a layer gives: the name of the layer, with the number of the call and of the tensor. */
export const valueId = (layer: string, call: number, tensor: number): ValueId =>
  `${layer}${call > 0 ? `#${call}` : ''}${tensor > 0 ? `:${tensor}` : ''}`

/**
 * A layers model in the IR: one node for every application of a layer. Activations other than ReLU inside convolutions and
 * dense layers become nodes of their own, so that they can be told from the sum before them.
 * @throws MixbitError `TFJS_UNREADABLE`
 */
export async function readLayersModel({ json, weights }: LoadedModel, tf: Tf): Promise<Graph> {
  const topology = json.modelTopology as { model_config?: object }
  const { class_name, config } = (topology.model_config ?? topology) as { class_name?: string; config?: object }
  const model = await tf
    .loadLayersModel(
      { load: async () => ({ modelTopology: zeroed(topology.model_config ?? topology) }) },
      { strict: false },
    )
    .catch((cause: Error) => {
      throw unreadable(`TF.js refuses its layers (${cause.message})`, cause)
    })
  try {
    const plan = class_name === 'Sequential' ? chain(config!) : functional(config!)
    return graphOf(plan, model, weights, json)
  } finally {
    disposeModel(model)
  }
}

interface Plan {
  readonly name: string
  readonly inputs: readonly ValueId[]
  readonly outputs: readonly ValueId[]
  readonly calls: readonly Call[]
}

/** Inputs, outputs and calls of a functional model. */
export function functional(config: object): Plan {
  const { name, layers, input_layers, output_layers } = config as {
    name?: string
    layers: readonly LayerJson[]
    input_layers: readonly (readonly [string, number, number])[]
    output_layers: readonly (readonly [string, number, number])[]
  }
  const calls = layers.flatMap((layer) =>
    layer.class_name === 'InputLayer'
      ? []
      : (layer.inbound_nodes ?? []).map((inputs, i): Call => {
          const index = firstCall(layer.class_name) + i
          if (!Array.isArray(inputs)) throw unreadable('its layers are connected in the way of Keras 3')
          return { layer, index, inputs: inputs.map(([from, call, tensor]) => valueId(from, call, tensor)) }
        }),
  )
  const ends = (list: unknown) => (Array.isArray((list as unknown[])[0]) ? list : [list]) as [string, number, number][]
  const ids = (list: unknown) => ends(list).map(([layer, call, tensor]) => valueId(layer, call, tensor))
  return { name: name ?? 'model', inputs: ids(input_layers), outputs: ids(output_layers), calls }
}

function chain(config: object): Plan {
  const { name, layers = config } = config as { name?: string; layers?: object }
  const [first, ...others] = layers as readonly LayerJson[]
  if (!first) throw unreadable('it has no layers')
  const isInput = first.class_name === 'InputLayer'
  const input = isInput ? first.config.name : `${first.config.name}_input`
  let last = input
  const calls = (isInput ? others : [first, ...others]).map((layer): Call => {
    const inputs = [last]
    const index = firstCall(layer.class_name)
    last = valueId(layer.config.name, index, 0)
    return { layer, index, inputs }
  })
  return { name: name ?? 'model', inputs: [input], outputs: [last], calls }
}

function graphOf(plan: Plan, model: TfLayersModel, weights: readonly RawWeight[], json: LoadedModel['json']): Graph {
  const values = new Map<ValueId, Value>()
  const raw = new Map<Tensor, RawWeight>()
  const byName = new Map<string, RawWeight>()
  for (const weight of weights) {
    const parts = weight.spec.name.split('/')
    // Newer Keras puts the name of the cell before that of the weight.
    byName.set([...parts.slice(0, -2), parts.at(-1)].join('/'), weight)
  }
  for (const weight of weights) byName.set(weight.spec.name, weight)
  for (const [i, id] of plan.inputs.entries()) values.set(id, valueFrom(id, model.inputs[i]!))
  const order = sorted(plan.calls, (call) => plan.calls.filter((other) => call.inputs.some((id) => isOf(other, id))))
  const nodes = order.flatMap((call) => nodesOf(call, model.getLayer(call.layer.config.name), values, byName, raw))
  const { modelTopology, weightsManifest: _, mixbit: __, ...rest } = json
  const meta: TfjsMeta = { format: 'layers-model', json: { ...rest, modelTopology }, raw, loose: [] }
  const { name, inputs, outputs } = plan
  return pruneUnused({ name, inputs, outputs, nodes, values, meta: meta as unknown as Graph['meta'] })
}

const isOf = ({ layer, index }: Call, id: ValueId): boolean =>
  id.replace(/:\d+$/, '') === valueId(layer.config.name, index, 0)

function valueFrom(id: ValueId, { shape, dtype }: TfSymbol): Value {
  return { id, dtype: dtypeOf(dtype) ?? 'f32', shape: shape.map((n, i): Dim => n ?? (i === 0 ? 'N' : `${id}_${i}`)) }
}

/** Layers whose mask changes what later layers compute: masks do not exist between nodes. */
const isMasking = ({ class_name, config }: LayerJson) => class_name === 'Masking' || config.mask_zero === true

function nodesOf(
  { layer: json, index, inputs }: Call,
  layer: TfLayer,
  values: Map<ValueId, Value>,
  byName: ReadonlyMap<string, RawWeight>,
  raw: Map<Tensor, RawWeight>,
): Node[] {
  if (isMasking(json)) throw unreadable(`the layer ${layer.name} makes a mask, which is not supported`)
  const id = valueId(layer.name, index, 0)
  const symbols = [layer.getOutputAt(index)].flat() as TfSymbol[]
  const outputs = symbols.map((_, t) => valueId(layer.name, index, t))
  for (const [t, symbol] of symbols.entries()) values.set(outputs[t]!, valueFrom(outputs[t]!, symbol))
  const ids = layer.weights.map(({ originalName }) => constantOf(originalName, values, byName, raw))
  const roles = layer.weights.map(({ originalName }) => roleOf(layer.name, originalName))
  const node = withStatistics(
    { op: json.class_name, config: json.config, inputs, ids, roles, name: layer.name },
    values,
  )
  const attrs = { ...(inputs.length !== 1 && { data: inputs.length }), ...(id !== layer.name && { layer: layer.name }) }
  return split(node, (part) => layerNode(part, values, attrs), { id, outputs })
}

interface Part {
  readonly op: string
  readonly name: string
  readonly config: LayerConfig
  readonly inputs: readonly ValueId[]
  readonly ids: readonly ValueId[]
  readonly roles: readonly string[]
}

function constantOf(
  name: string,
  values: Map<ValueId, Value>,
  byName: ReadonlyMap<string, RawWeight>,
  raw: Map<Tensor, RawWeight>,
): ValueId {
  const weight = byName.get(name)
  if (!weight) throw unreadable(`the manifest has no weight ${name}`)
  const id = weight.spec.name
  if (!values.has(id)) {
    const tensor = tensorOf(weight)
    raw.set(tensor, weight)
    values.set(id, constantValue(id, tensor))
  }
  return id
}

/** A batch norm with all four statistics: gamma is 1 and beta 0 where the layer has none. */
function withStatistics(part: Part, values: Map<ValueId, Value>): Part {
  if (part.op !== 'BatchNormalization') return part
  const roles = ['gamma', 'beta', 'moving_mean', 'moving_variance']
  const like = values.get(part.ids.at(-1)!)!.tensor!
  const ids = roles.map((role) => {
    const known = part.roles.indexOf(role)
    if (known >= 0) return part.ids[known]!
    const data = new Float32Array(sizeOf(like.shape)).fill(role === 'gamma' ? 1 : 0)
    const id = `${part.name}/${role}`
    values.set(id, constantValue(id, { dtype: 'f32', shape: like.shape, data }))
    return id
  })
  return { ...part, ids, roles, config: { ...part.config, scale: true, center: true } }
}

type MakeNode = (part: Part & { readonly id: string; readonly outputs: readonly ValueId[] }) => Node

/** A convolution or dense layer and its activation as two nodes, unless that is a ReLU. */
function split(
  part: Part,
  make: MakeNode,
  ends: { readonly id: string; readonly outputs: readonly ValueId[] },
): Node[] {
  const { activation } = part.config
  const apart =
    /^(Conv|Dense|SeparableConv|DepthwiseConv)/.test(part.op) &&
    typeof activation === 'string' &&
    !/^(linear|relu|relu6)$/.test(activation)
  if (!apart) return [make({ ...part, ...ends })]
  const id = `${ends.id}_linear`
  const config = { name: part.name, activation, dtype: 'float32' }
  return [
    make({ ...part, config: { ...part.config, activation: 'linear' }, id, outputs: [id] }),
    make({ op: 'Activation', name: part.name, config, inputs: [id], ids: [], roles: [], ...ends }),
  ]
}

function layerNode(
  { op, config, inputs, ids, roles, id, outputs }: Parameters<MakeNode>[0],
  values: Map<ValueId, Value>,
  extra: Readonly<Record<string, Attr>>,
): Node {
  if (!values.has(id)) values.set(id, { ...values.get(id.replace(/_linear$/, ''))!, id })
  const tensors = ids.map((weight) => values.get(weight)!.tensor!)
  const ranks = tensors.map(({ dtype, shape }) => (dtype === 'f32' ? shape.length : 0))
  const classified = classifyLayer(op, config, inputs.length, roles, ranks)
  const shapeOf = (value: ValueId | undefined) => values.get(value ?? '')?.shape
  const rank = shapeOf(inputs[0])?.length ?? 0
  const axis = Number([config.axis ?? -1].flat()[0])
  // Passes fold a batch norm into a layer before it, whose channels are the last axis.
  const isLast = classified.kind !== 'batchNorm' || axis === -1 || axis === rank - 1
  const activation = op !== 'Activation' && config.activation !== 'linear' ? config.activation : undefined
  const macs =
    op.startsWith('Separable') || op === 'Bidirectional'
      ? undefined
      : macsOf(classified.kind, tensors[0]?.shape, shapeOf(inputs[0]), shapeOf(outputs[0]))
  const list = (setting: unknown, axes: number) =>
    Array.isArray(setting) ? (setting as number[]) : new Array<number>(axes).fill(Number(setting ?? 1))
  const axes = Math.max(0, (tensors[0]?.shape.length ?? 2) - 2)
  const window = windowOf(classified.weights.length === 1 ? classified.kind : 'opaque', tensors[0]?.shape, {
    strides: list(config.strides, axes),
    dilations: list(config.dilation_rate, axes),
    padding: String(config.padding ?? 'valid'),
  })
  return {
    id,
    op,
    inputs: [...inputs, ...ids],
    outputs,
    ...(isLast ? classified : { kind: 'opaque' as const, weights: [] }),
    ...(macs !== undefined && { macs }),
    ...(window && { window }),
    attrs: {
      ...extra,
      ...(typeof activation === 'string' && { activation }),
      ...(classified.kind === 'batchNorm' && { epsilon: { float: Number(config.epsilon ?? 1e-3) } }),
      ...(classified.kind === 'softmax' && op === 'Softmax' && { axis }),
      ...(roles.length > 0 && { roles }),
      config: JSON.stringify(config),
    },
  }
}

const unreadable = (what: string, cause?: unknown) =>
  new MixbitError('TFJS_UNREADABLE', `The model cannot be read: ${what}.`, {
    hint: 'Check that the model loads in TF.js; register custom layers with tf.serialization.registerClass first.',
    cause,
  })
