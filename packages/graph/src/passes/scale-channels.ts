import type { Graph, Node, NodeId, ValueId } from '../graph.ts'
import { toF32 } from '../half.ts'
import { consumers, producers } from '../query.ts'
import { onlyFor, plainConstant, type View } from './edit.ts'
import { type LinearLayer, linearLayer, withLayer } from './linear-layer.ts'

/** Two layers with one activation between them, and between that and the second one only what keeps channels and scales. */
export interface ScalablePair {
  readonly first: NodeId
  readonly activation: NodeId
  readonly second: NodeId
  /** What the activation gives. */
  readonly value: ValueId
  readonly channels: number
}

/** f(s x) = s f(x) for s > 0. */
export const isHomogeneous = (node: Node): boolean =>
  node.kind === 'activation' &&
  (['Relu', 'LeakyRelu', 'PRelu'].includes(node.op) ||
    (node.op === 'Clip' && node.bounds?.[0] === 0 && node.bounds[1] === Number.POSITIVE_INFINITY))

/**
 * The pairs of layers between which channels can be scaled: layer -> an activation that `accepts` -> pools, zero padding,
 * flattening of [N, C, 1, 1] -> layer, where nobody else sees anything between the two.
 */
export function scalablePairs(graph: Graph, accepts: (activation: Node) => boolean = isHomogeneous): ScalablePair[] {
  const view: View = { graph, madeBy: producers(graph), readBy: consumers(graph) }
  return graph.nodes.flatMap((node) => {
    const second = linearLayer(graph, node)
    const activation = second && activationBefore(view, node)
    const maker = activation && accepts(activation) ? onlyFor(view, activation, activation.inputs[0]) : undefined
    // A MatMul's bias stands in a node between.
    const first = maker && maker.op !== 'MatMul' ? linearLayer(graph, maker) : undefined
    if (!first || first.outputs !== second!.inputs) return []
    const { id, outputs } = activation!
    return [{ first: first.node.id, activation: id, second: node.id, value: outputs[0]!, channels: first.outputs }]
  })
}

/** The activation that feeds a node, through what keeps channels and scales. */
function activationBefore(view: View, reader: Node): Node | undefined {
  const maker = onlyFor(view, reader, reader.inputs[0])
  return maker && keepsScales(view.graph, maker) ? activationBefore(view, maker) : maker
}

const keepsScales = (graph: Graph, node: Node): boolean =>
  node.kind === 'maxPool' ||
  node.kind === 'averagePool' ||
  node.kind === 'identity' ||
  node.op === 'Dropout' ||
  (node.op === 'Pad' && padsZeros(graph, node)) ||
  (node.op === 'Flatten' && (node.attrs.axis ?? 1) === 1 && isPointwise(graph, node.inputs[0]))

/** A shape [N, C, 1, 1]: flattened, its elements are its channels. */
function isPointwise(graph: Graph, id: ValueId | null | undefined): boolean {
  const shape = graph.values.get(id ?? '')?.shape
  return shape !== undefined && shape.length > 2 && shape.slice(2).every((extent) => extent === 1)
}

/** True when a Pad fills with zeros. */
export function padsZeros(graph: Graph, { attrs, inputs }: Node): boolean {
  if ((attrs.mode ?? 'constant') !== 'constant') return false
  const attr = attrs.value
  if (attr !== undefined) return typeof attr === 'object' && 'float' in attr && attr.float === 0
  if ((inputs[2] ?? null) === null) return true
  const value = plainConstant(graph, inputs[2])
  return value !== undefined && toF32(value).every((x) => x === 0)
}

/**
 * The graph in which the channels between the two layers are `scales` times as large, and which computes the same: W1 and b1
 * times s per output channel, W2 divided by s per input channel (DFQ, 1906.04721). The given graph if a weight would not be
 * finite.
 */
export function scaleChannels(graph: Graph, { first, second }: ScalablePair, scales: Float64Array): Graph {
  const layerOf = (from: Graph, id: NodeId) =>
    linearLayer(
      from,
      from.nodes.find((node) => node.id === id),
    )!
  const scaled = (layer: LinearLayer, factor: (i: number) => number) =>
    Float64Array.from(toF32(layer.weight), (w, i) => w * factor(i))
  const before = layerOf(graph, first)
  const weight = scaled(before, (i) => scales[before.outputOf(i)]!)
  const half = withLayer(graph, before, { weight, bias: before.bias.map((b, o) => b * scales[o]!) })
  const after = half && layerOf(half, second)
  const whole = after && withLayer(half, after, { weight: scaled(after, (i) => 1 / scales[after.inputOf(i)]!) })
  return whole ?? graph
}
