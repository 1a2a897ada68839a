import type { Adapter } from '@mixbit/adapter'
import {
  bitsOf,
  f32ToF16,
  type Graph,
  type Grid,
  MixbitError,
  type Node,
  type NodeId,
  sizeOf,
  type Tensor,
  toF32,
  type Value,
  type ValueId,
} from '@mixbit/graph'
import { dequantize, fakeQuantize, searchGrid, searchLevels, type TableScheme } from '@mixbit/quantizers'
import type { FullConfig } from './config.ts'
import { type EditedWeights, editedWeights, thresholdGrid } from './network-editor.ts'
import { operatorRule } from './operator-rule.ts'
import type { TargetPlatform, WeightsConfig } from './target-platform.ts'

/** One weight tensor and the grid a candidate puts it on. */
export interface WeightGrid {
  readonly value: ValueId
  readonly grid: Grid
  /** The integers on the grid, in the layout of the tensor; absent: each element goes to the nearest one. */
  readonly integers?: Int8Array | Int16Array
}

/** One way to quantize the weights of one node. */
export interface Candidate {
  readonly bits: number
  /** Set when its rounding errors compensate for each other: the scheme that does so best. */
  readonly scheme?: TableScheme | 'uniform'
  /** Then: the grids of nearest rounding, for comparison. */
  readonly nearest?: readonly WeightGrid[]
  readonly grids: readonly WeightGrid[]
  /** Bytes of the weights alone: elements x bits / 8. */
  readonly weightsBytes: number
  /** Bytes of the weights in the written file, scales and helpers included. */
  readonly fileBytes: number
  /** What the network editor takes in its place when it was chosen. */
  readonly final?: Candidate
}

/** A node whose weights have candidates; `sharedWith` are further nodes that use the same weights. */
export interface Layer {
  readonly node: NodeId
  readonly kind: Node['kind']
  readonly sharedWith: readonly NodeId[]
  readonly weights: readonly ValueId[]
  readonly shape: readonly number[]
  readonly floatBytes: number
  /** Widest first. */
  readonly candidates: readonly Candidate[]
  /** Bits of the candidate that is taken where nothing is searched; without one of that width, the widest. */
  readonly base: number
}

/** The candidate that is taken where nothing is searched. */
export const baseOf = <C extends { readonly bits: number }>(row: {
  readonly candidates: readonly C[]
  readonly base: number
}): C => row.candidates.find(({ bits }) => bits === row.base) ?? row.candidates[0]!

/** The constant behind a value id. */
export function constant(graph: Graph, id: ValueId): Tensor {
  const tensor = graph.values.get(id)?.tensor
  if (!tensor) throw new MixbitError('NOT_A_CONSTANT', `Value %${id} is not a constant.`, { context: { id } })
  return tensor
}

/** A weight as it lies on a grid: same dtype and shape, fake-quantized, with the grid noted for the writer. */
export function quantizedValue(graph: Graph, { value, grid, integers }: WeightGrid): Value {
  const tensor = constant(graph, value)
  const data = integers ? dequantize(integers, tensor.shape, grid) : fakeQuantize(toF32(tensor), tensor.shape, grid)
  return {
    ...(graph.values.get(value) as Value),
    tensor: { ...tensor, data: tensor.dtype === 'f16' ? f32ToF16(data) : data },
    stored: grid,
  }
}

/**
 * Every weight layer of the graph with its candidates, in topological order. A weight that several nodes share belongs
 * to the first of them.
 * @throws MixbitError `WEIGHT_NOT_FINITE`.
 */
export function candidatesFor(graph: Graph, adapter: Adapter, platform: TargetPlatform, config: FullConfig): Layer[] {
  const layers: Layer[] = []
  const owner = new Map<ValueId, number>()
  for (const node of graph.nodes) {
    if (!adapter.capabilities.weights.has(node.kind)) continue
    const edited = editedWeights(platform, config, node)
    const bits = edited && node.weights.length > 0 ? widthsOf(edited.rule, adapter) : []
    if (!edited || bits.length === 0) continue
    const weights = node.weights.map(({ input, axis }) => ({ value: node.inputs[input] as ValueId, axis }))
    const own = weights.filter(({ value }) => !owner.has(value))
    if (own.length < weights.length) shareWith(layers, owner, weights, node.id)
    if (own.length === 0) continue
    for (const { value } of own) owner.set(value, layers.length)
    layers.push(layerOf(graph, node, own, { ...edited, bits }, adapter, config))
  }
  return layers
}

/** The nodes that have weights of their own to quantize; a weight that several nodes share is that of the first one. */
export function weightNodes(graph: Graph, adapter: Adapter, platform: TargetPlatform): Node[] {
  const owned = new Set<ValueId>()
  return graph.nodes.filter((node) => {
    if (!adapter.capabilities.weights.has(node.kind) || !operatorRule(platform, node).weights) return false
    const weights = node.weights.map(({ input }) => node.inputs[input] as ValueId)
    const own = weights.filter((id) => !owned.has(id))
    for (const id of own) owned.add(id)
    return own.length > 0
  })
}

const widthsOf = (rule: WeightsConfig, adapter: Adapter): number[] =>
  [...new Set(rule.bits)]
    .filter((bits) => adapter.capabilities.weightBits.includes(bits) && schemesFor(rule, bits, adapter).length > 0)
    .sort((a, b) => b - a)

/** The widest weights that have tables of levels. */
const mostTableBits = 4

/** What weights of a width can be put on: the scheme of the platform, for which one bit is too few, then its tables. */
export const schemesFor = (
  { scheme, tables = [] }: WeightsConfig,
  bits: number,
  { capabilities }: Adapter,
): (TableScheme | 'uniform')[] => [
  ...(bits > 1 ? [scheme] : []),
  ...(bits <= mostTableBits && capabilities.weightLevels ? tables : []),
]

function shareWith(layers: Layer[], owner: Map<ValueId, number>, weights: readonly { value: ValueId }[], node: NodeId) {
  for (const { value } of weights) {
    const index = owner.get(value)
    const layer = index === undefined ? undefined : layers[index]
    if (index !== undefined && layer && !layer.sharedWith.includes(node) && layer.node !== node)
      layers[index] = { ...layer, sharedWith: [...layer.sharedWith, node] }
  }
}

interface OwnWeight {
  readonly value: ValueId
  readonly axis: number
}

function layerOf(
  graph: Graph,
  node: Node,
  weights: readonly OwnWeight[],
  offer: { readonly bits: readonly number[]; readonly rule: EditedWeights; readonly final: EditedWeights | null },
  adapter: Adapter,
  config: FullConfig,
): Layer {
  const { bits, rule, final } = offer
  const tensors = weights.map(({ value }) => finite(node.id, value, constant(graph, value)))
  const candidateOf = (width: number, rule: EditedWeights): Candidate => {
    const grids = weights.map(({ value, axis }) => ({
      value,
      grid: gridOf(constant(graph, value), axis, width, rule, adapter, config),
    }))
    const elements = tensors.reduce((sum, { shape }) => sum + sizeOf(shape), 0)
    return { bits: width, grids, weightsBytes: (elements * width) / 8, fileBytes: fileBytesOf(graph, adapter, grids) }
  }
  // A width that the editor's scheme cannot have (one bit) stays as it was chosen.
  const finalOf = (width: number) =>
    final && schemesFor(final, final.finalBits ?? width, adapter).length > 0
      ? { final: candidateOf(final.finalBits ?? width, final) }
      : {}
  return {
    node: node.id,
    kind: node.kind,
    sharedWith: [],
    weights: weights.map(({ value }) => value),
    shape: tensors[0]?.shape ?? [],
    floatBytes: tensors.reduce((sum, { shape, dtype }) => sum + (sizeOf(shape) * bitsOf(dtype)) / 8, 0),
    base: rule.base ?? bits[0]!,
    candidates: bits.map((width) => ({ ...candidateOf(width, rule), ...finalOf(width) })),
  }
}

/** Bytes of weights on grids in the written file, scales and helpers included. */
export const fileBytesOf = (graph: Graph, adapter: Adapter, grids: readonly WeightGrid[]): number =>
  grids.reduce((sum, { value, grid }) => {
    const tensor = constant(graph, value)
    return sum + (adapter.storedBytes?.(tensor, grid) ?? (sizeOf(tensor.shape) * grid.bits) / 8)
  }, 0)

function finite(node: NodeId, id: ValueId, tensor: Tensor): Tensor {
  const data = toF32(tensor)
  const at = data.findIndex((x) => !Number.isFinite(x))
  if (at < 0) return tensor
  throw new MixbitError('WEIGHT_NOT_FINITE', `Element ${at} of weight ${id} of layer ${node} is ${data[at]}.`, {
    hint: 'The float model is broken there: train or export it again.',
    context: { node, weight: id, element: at },
  })
}

/** The grid of the first scheme for the width, where each element goes to the nearest point. */
function gridOf(
  tensor: Tensor,
  channelAxis: number,
  bits: number,
  rule: EditedWeights,
  adapter: Adapter,
  { quantizationConfig }: FullConfig,
): Grid {
  const { weightsErrorMethod, lPValue: lp } = quantizationConfig
  // HMSE needs data: `compensateCandidates` comes back to it.
  const byDefault = weightsErrorMethod === 'HMSE' ? 'MSE' : weightsErrorMethod
  const { errorMethod = byDefault, threshold, perChannel } = rule
  const axis = perChannel ? channelAxis : null
  if (threshold !== undefined) return thresholdGrid(threshold, tensor.shape[channelAxis] ?? 1, axis, bits, rule.scheme)
  const [scheme] = schemesFor(rule, bits, adapter)
  const common = { data: toF32(tensor), shape: tensor.shape, axis, bits }
  return scheme === 'symmetric' || scheme === 'powerOfTwo' || scheme === 'uniform'
    ? searchGrid({ ...common, scheme, errorMethod, lp })
    : searchLevels({ ...common, scheme: scheme! })
}
