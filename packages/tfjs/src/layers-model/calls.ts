import type { Graph, Node, Tensor, ValueId } from '@mixbit/graph'
import { tfName } from '../dtypes.ts'
import type { Foreign } from '../graph-model/encode.ts'
import type { Tf, TfLayer, TfTensor } from '../runtime.ts'
import { disposeModel } from './dispose.ts'
import { configOf, dataOf, firstCall, isLayer, weightsOfLayer } from './layer.ts'

/** One instance of a layer for every node of a graph that is one. */
export interface LayerCalls {
  /** Number of the call that runs a node. */
  readonly numbers: ReadonlyMap<Node, number>
  dispose(): void
}

const none: LayerCalls = { numbers: new Map(), dispose: () => {} }

/** What a call of the custom operator runs, by number. The registry of TF.js is global, and so is this. */
const calls = new Map<number, (inputs: readonly TfTensor[]) => TfTensor[]>()
let count = 0
const registered = new WeakSet<object>()

const op = 'MixbitLayer'

function register(tf: Tf): void {
  if (registered.has(tf)) return
  registered.add(tf)
  tf.registerOp(op, ({ inputs, attrs }) => calls.get(Number(attrs.call))!(inputs))
}

/** Instances of all layers of a graph, built by TF.js from their configs, with their constant weights. */
export async function layerCalls(tf: Tf, graph: Graph): Promise<LayerCalls> {
  const nodes = graph.nodes.filter(isLayer)
  if (nodes.length === 0) return none
  register(tf)
  const model = await tf.loadLayersModel(
    { load: async () => ({ modelTopology: zeroed(topologyOf(graph, nodes)) }) },
    { strict: false },
  )
  const numbers = new Map(nodes.map((node) => [node, count++]))
  for (const [i, node] of nodes.entries()) {
    const layer = model.getLayer(`layer${i}`)
    setConstants(tf, graph, node, layer)
    calls.set(numbers.get(node)!, (inputs) => apply(tf, graph, node, layer, inputs))
  }
  return {
    numbers,
    dispose() {
      for (const number of numbers.values()) calls.delete(number)
      disposeModel(model)
    },
  }
}

/** Layers as nodes of a GraphDef. Constant weights are inside the layer; those that are fed come as inputs. */
export const foreignCalls =
  ({ numbers }: LayerCalls, graph: Graph): Foreign =>
  (node, name, inputs) => {
    const number = numbers.get(node)
    if (number === undefined) return undefined
    const given = inputs.filter((_, i) => i < dataOf(node).length || !graph.values.get(node.inputs[i]!)?.tensor)
    return { name, op, input: given, attr: { call: { i: String(number) } } }
  }

/** One functional model whose layers do not know each other: each has inputs of its own. */
function topologyOf(graph: Graph, nodes: readonly Node[]): object {
  const layers: object[] = []
  const [ins, outs]: [unknown[], unknown[]] = [[], []]
  for (const [i, node] of nodes.entries()) {
    const data = dataOf(node).map((id, k) => {
      const name = `in${i}_${k}`
      const { dtype, shape = [] } = graph.values.get(id)!
      const batch_input_shape = shape.map((dim) => (typeof dim === 'number' ? dim : null))
      layers.push({
        class_name: 'InputLayer',
        name,
        config: { name, batch_input_shape, dtype: tfName(dtype, id) },
        inbound_nodes: [],
      })
      ins.push([name, 0, 0])
      return [name, 0, 0, {}]
    })
    const name = `layer${i}`
    layers.push({ class_name: node.op, name, config: { ...configOf(node), name }, inbound_nodes: [data] })
    for (const [k, id] of node.outputs.entries()) if (id !== null) outs.push([name, firstCall(node.op), k])
  }
  return { class_name: 'Model', config: { name: 'layers', layers, input_layers: ins, output_layers: outs } }
}

const zeros = { class_name: 'Zeros', config: {} }
const named = (...names: string[]) => Object.fromEntries(names.map((name) => [`${name}_initializer`, zeros]))
/** Initializers by class: left out, TF.js fills weights with random numbers, slowly. */
const initializers: readonly (readonly [RegExp, object])[] = [
  [/^Separable/, named('depthwise', 'pointwise', 'bias')],
  [/^Depthwise/, named('depthwise', 'bias')],
  [/^(Conv|Dense)/, named('kernel', 'bias')],
  [/LSTM|GRU|RNN/, named('kernel', 'recurrent', 'bias')],
  [/^Embedding/, named('embeddings')],
]

/** The same config with zeros as initial weights, which are quicker to make than random ones. */
export function zeroed<T>(config: T): T {
  return JSON.parse(JSON.stringify(config), (key, value) => {
    if (key.endsWith('_initializer')) return zeros
    const own = initializers.find(([pattern]) => pattern.test(value?.class_name))
    return own && value.config ? { ...value, config: { ...value.config, ...own[1] } } : value
  }) as T
}

function setConstants(tf: Tf, graph: Graph, node: Node, layer: TfLayer): void {
  for (const [i, id] of weightsOfLayer(node).entries()) {
    const tensor = graph.values.get(id)?.tensor
    if (tensor) write(tf, layer, i, tensor)
  }
}

function write(tf: Tf, layer: TfLayer, index: number, { data, shape, dtype }: Tensor): void {
  const value = tf.tensor(data, shape, tfName(dtype, layer.name))
  layer.weights[index]!.write(value)
  value.dispose()
}

function apply(tf: Tf, graph: Graph, node: Node, layer: TfLayer, inputs: readonly TfTensor[]): TfTensor[] {
  const data = inputs.slice(0, dataOf(node).length)
  let next = data.length
  for (const [i, id] of weightsOfLayer(node).entries())
    if (!graph.values.get(id as ValueId)?.tensor) layer.weights[i]!.write(inputs[next++]!)
  const results = [layer.apply(data.length === 1 ? data[0]! : data)].flat() as TfTensor[]
  // A layer may hand back what it was given, which the executor would dispose of twice.
  return results.map((result) => (inputs.includes(result) ? tf.clone(result) : result))
}
