import type { Graph, Node, NodeId, Value, ValueId } from '../graph.ts'
import { toF32 } from '../half.ts'
import { consumers } from '../query.ts'
import { freshNode, freshValue, integer, scalar } from './edit.ts'
import { padBefore, padsOf, padWith } from './explicit-pad.ts'
import { type LinearLayer, linearLayer, withLayer } from './linear-layer.ts'
import { padsZeros } from './scale-channels.ts'

/** What has to change when everything that reads a value gets it shifted by a constant. */
interface Readers {
  /** Their biases take the shift back. */
  readonly layers: readonly LinearLayer[]
  /** They have to pad with the shift. */
  readonly pads: readonly Node[]
}

/** True when only linear layers with constant weights read a value, directly or through what hands a shift on unchanged. */
export const canShift = (graph: Graph, value: ValueId): boolean => readersOf(graph, value) !== undefined

/** A graph with a shifted activation. */
export interface Shifted {
  readonly graph: Graph
  /** The Add behind the value, and what it gives. */
  readonly add: NodeId
  readonly value: ValueId
}

/**
 * Adds a constant to a value for all that read it and takes it back in the biases of the layers behind: b - shift * sum of W
 * over the taps of an output channel. Zero padding becomes padding with the shift, a convolution's own as a Pad before it. Outputs
 * stay the same. Undefined where `canShift` is false or a bias would not be finite. Source: HPTQ (2109.09113), MCT.
 */
export function shiftActivation(graph: Graph, value: ValueId, shift: number): Shifted | undefined {
  const readers = readersOf(graph, value)
  const { dtype = 'f32', shape } = graph.values.get(value) ?? {}
  if (!readers || dtype !== 'f32') return undefined
  let changed: Graph | undefined = graph
  for (const layer of readers.layers) changed = changed && takeBack(changed, layer, shift)
  for (const pad of readers.pads) changed = changed && padWith(changed, pad, shift)
  if (!changed) return undefined
  const constant = scalar(freshValue(changed, `${value}_shift`), shift)
  const shifted: Value = { id: freshValue(changed, `${value}_shifted`), dtype, ...(shape && { shape }) }
  const inputs = [value, constant.id]
  const add = freshNode(changed, `${shifted.id}_add`, { kind: 'add', op: 'Add', inputs, outputs: [shifted.id] })
  const values = new Map(changed.values).set(constant.id, constant).set(shifted.id, shifted)
  return { graph: insertBehind({ ...changed, values }, value, add), add: add.id, value: shifted.id }
}

function readersOf(graph: Graph, value: ValueId): Readers | undefined {
  const users = consumers(graph)
  const layers: LinearLayer[] = []
  const pads: Node[] = []
  const visit = (id: ValueId): boolean => {
    const readers = users.get(id) ?? []
    return !graph.outputs.includes(id) && readers.every((reader) => accept(reader, id))
  }
  const accept = (reader: Node, id: ValueId): boolean => {
    if (reader.captures?.includes(id) || reader.inputs.indexOf(id) !== 0 || reader.inputs.lastIndexOf(id) !== 0)
      return false
    const layer = linearLayer(graph, reader)
    if (layer && padsOf(layer)) layers.push(layer)
    else if (reader.op === 'Pad' && padsZeros(graph, reader)) pads.push(reader)
    else if (layer || !handsOn(reader)) return false
    return layer !== undefined || reader.outputs.every((output) => output === null || visit(output))
  }
  return visit(value) && layers.length > 0 ? { layers, pads } : undefined
}

/** f(x + s) = f(x) + s: moves of data, pools and means of what is really there. */
const handsOn = ({ kind, op, attrs }: Node): boolean =>
  kind === 'reshapeLike' ||
  kind === 'identity' ||
  kind === 'maxPool' ||
  (kind === 'averagePool' && integer(attrs.count_include_pad, 0) === 0) ||
  op === 'ReduceMean' ||
  op === 'Dropout'

/** The layer with the shift taken out of its bias, and its zero padding replaced by a Pad with the shift. */
function takeBack(graph: Graph, layer: LinearLayer, shift: number): Graph | undefined {
  const bias = Float64Array.from(layer.bias)
  toF32(layer.weight).forEach((w, i) => {
    bias[layer.outputOf(i)]! -= shift * w
  })
  const biased = withLayer(graph, layer, { bias })
  const pads = padsOf(layer)!
  return pads.every((pad) => pad === 0) ? biased : biased && padBefore(biased, layer.node.id, pads, shift)
}

/** All that read the value read what the node gives; the node stands behind whoever makes the value. */
function insertBehind(graph: Graph, value: ValueId, inserted: Node): Graph {
  const [output] = inserted.outputs
  const nodes = graph.nodes.flatMap((other) => {
    const reads = other.inputs.includes(value)
    const next = reads ? { ...other, inputs: other.inputs.map((id) => (id === value ? output! : id)) } : other
    return other.outputs.includes(value) ? [next, inserted] : [next]
  })
  return { ...graph, nodes: graph.inputs.includes(value) ? [inserted, ...nodes] : nodes }
}
