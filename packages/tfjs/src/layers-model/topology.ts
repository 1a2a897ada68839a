import type { Graph, Grid, Node, ValueId } from '@mixbit/graph'
import { tfName } from '../dtypes.ts'
import { metaOf } from '../meta.ts'
import { configOf, dataOf, firstCall, type LayerConfig, rolesOf, weightName, weightsOfLayer } from './layer.ts'
import { valueId } from './read.ts'

/** A layer as Keras writes it. */
interface LayerJson {
  readonly class_name: string
  readonly name: string
  readonly config: LayerConfig
  readonly inbound_nodes: (readonly Tie[])[]
}

/** A value: layer, number of the call, number of the tensor. */
type Tie = readonly [string, number, number, object]

/** A layers model, and its weights: names in the file with the values that they are. */
export interface LayersTopology {
  readonly topology: object
  readonly weights: ReadonlyMap<string, ValueId>
}

/** A name for a layer of its own, of characters that TF.js takes in the names of weights. */
function freeName(id: string, taken: ReadonlyMap<string, unknown>): string {
  let name = id.replace(/[^A-Za-z0-9._\\/-]/g, '_')
  while (taken.has(name)) name += '_'
  return name
}

/** The nodes of a graph as layers of a functional model; nodes that share a layer and its weights are calls of one. */
export function layersTopology(graph: Graph): LayersTopology {
  const layers = new Map<string, LayerJson>()
  const weights = new Map<string, ValueId>()
  const ties = new Map<ValueId, Tie>()
  for (const id of graph.inputs) {
    layers.set(id, inputLayer(graph, id))
    ties.set(id, [id, 0, 0, {}])
  }
  /** Adds a call and gives its ties. */
  const call = (name: string, class_name: string, config: LayerConfig, data: readonly Tie[], outputs = 1): Tie[] => {
    const layer = layers.get(name) ?? { class_name, name, config: { ...config, name }, inbound_nodes: [] }
    layers.set(name, layer)
    layer.inbound_nodes.push(data)
    return Array.from({ length: outputs }, (_, tensor) => [
      name,
      firstCall(class_name) + layer.inbound_nodes.length - 1,
      tensor,
      {},
    ])
  }
  const names = new Map<string, string>()
  const nameOf = (node: Node): string => {
    const shared = `${node.attrs.layer ?? node.id}\0${weightsOfLayer(node)}`
    const first = node.outputs[0]
    const wanted = first != null && graph.outputs.includes(first) ? first : String(node.attrs.layer ?? node.id)
    const name = names.get(shared) ?? (layers.has(wanted) ? freeName(node.id, layers) : wanted)
    names.set(shared, name)
    return name
  }
  for (const node of graph.nodes) {
    const data = (node.kind === 'fakeQuantize' ? node.inputs : dataOf(node)).map((id) => ties.get(id!)!)
    if (node.kind === 'fakeQuantize') {
      ties.set(node.outputs[0]!, quantizer(node.grid!, node.id, data[0]!, call))
      continue
    }
    const name = nameOf(node)
    const made = call(name, node.op, lean(node), data, node.outputs.length)
    for (const [k, id] of node.outputs.entries()) if (id !== null) ties.set(id, made[k]!)
    for (const [i, role] of rolesOf(node).entries()) weights.set(weightName(name, role), weightsOfLayer(node)[i]!)
  }
  const outputs = graph.outputs.map((id): Tie => {
    const [layer, number, tensor] = ties.get(id)!
    // An output keeps its name.
    return valueId(layer, number, tensor) === id
      ? ties.get(id)!
      : call(id, 'Activation', { activation: 'linear' }, [ties.get(id)!])[0]!
  })
  const end = ([layer, number, tensor]: Tie) => [layer, number, tensor]
  const config = {
    name: graph.name,
    layers: [...layers.values()],
    input_layers: graph.inputs.map((id) => end(ties.get(id)!)),
    output_layers: outputs.map(end),
  }
  const { model_config, ...rest } = metaOf(graph).json.modelTopology as { model_config?: object }
  const functional = { class_name: 'Functional', config }
  return { topology: model_config ? { ...rest, model_config: functional } : { ...functional }, weights }
}

function inputLayer(graph: Graph, id: ValueId): LayerJson {
  const { dtype, shape = [] } = graph.values.get(id)!
  const batch_input_shape = shape.map((dim) => (typeof dim === 'number' ? dim : null))
  const config = { name: id, batch_input_shape, dtype: tfName(dtype, id) }
  return { class_name: 'InputLayer', name: id, config, inbound_nodes: [] }
}

/** A config without what only training uses; TF.js has defaults for it. */
function lean(node: Node): LayerConfig {
  const config = configOf(node)
  if (node.kind === 'opaque') return config
  return JSON.parse(JSON.stringify(config), (key, value) =>
    /(_initializer|_regularizer|_constraint)$|^trainable$/.test(key) ? undefined : value,
  )
}

/** 1.5 * 2^23: adding and taking it away rounds a float32 half to even. */
const magic = 12582912

/**
 * A quantizer as layers that every TF.js has: Keras cannot round, but float32 does when a large number is added.
 * x / scale + zero is cut to 0 .. 2^bits - 1 by a ReLU with a maximum.
 */
function quantizer(
  { bits, signed, scale, zeroPoint }: Grid,
  id: string,
  input: Tie,
  call: (name: string, op: string, config: LayerConfig, data: readonly Tie[]) => Tie[],
): Tie {
  const zero = zeroPoint[0]! + (signed ? 2 ** (bits - 1) : 0)
  const steps: [string, LayerConfig][] = [
    ['Rescaling', { scale: 1 / scale[0]!, offset: zero }],
    ['ReLU', { max_value: 2 ** bits - 1 }],
    ['Rescaling', { scale: 1, offset: magic }],
    ['Rescaling', { scale: 1, offset: -magic - zero }],
    ['Rescaling', { scale: scale[0]!, offset: 0 }],
  ]
  return steps.reduce((tie, [op, config], i) => call(`${id}/${i}`, op, config, [tie])[0]!, input)
}
