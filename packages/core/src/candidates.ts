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
import type { BitWidthRule, FullConfig } from './config.ts'
import { operatorRule } from './operator-rule.ts'
import type { TargetPlatform, WeightsConfig } from './target-platform.ts'

/** One weight tensor and the grid a candidate puts it on. */
export interface WeightGrid {
  readonly value: ValueId
  readonly grid: Grid
  /** The integers on the grid, in the layout of the tensor; absent: each element goes to the nearest one. */
  readonly integers?: Int8Array
}

/** One way to quantize the weights of one node. */
export interface Candidate {
  readonly bits: number
  /** Set when its rounding errors compensate for each other: the scheme that does so best. */
  readonly scheme?: TableScheme
  /** Then: the grids of nearest rounding, for comparison. */
  readonly nearest?: readonly WeightGrid[]
  readonly grids: readonly WeightGrid[]
  /** Bytes of the weights alone: elements x bits / 8. */
  readonly weightsBytes: number
  /** Bytes of the weights in the written file, scales and helpers included. */
  readonly fileBytes: number
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
 * @throws MixbitError `BIT_WIDTH_NO_MATCH` for rules that match no node or ask for bits it lacks, `WEIGHT_NOT_FINITE`.
 */
export function candidatesFor(graph: Graph, adapter: Adapter, platform: TargetPlatform, config: FullConfig): Layer[] {
  const layers: Layer[] = []
  const owner = new Map<ValueId, number>()
  for (const node of graph.nodes) {
    if (!adapter.capabilities.weights.has(node.kind)) continue
    const { weights: rule } = operatorRule(platform, node)
    const bits = rule && node.weights.length > 0 ? widthsOf(rule, adapter) : []
    if (!rule || bits.length === 0) continue
    const weights = node.weights.map(({ input, axis }) => ({ value: node.inputs[input] as ValueId, axis }))
    const own = weights.filter(({ value }) => !owner.has(value))
    if (own.length < weights.length) shareWith(layers, owner, weights, node.id)
    if (own.length === 0) continue
    for (const { value } of own) owner.set(value, layers.length)
    layers.push(layerOf(graph, node, own, bits, adapter, rule, config))
  }
  return overwritten(applyRules(layers, config.bitWidthConfig.weights), config)
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

function layerOf(
  graph: Graph,
  node: Node,
  weights: readonly { value: ValueId; axis: number }[],
  bits: readonly number[],
  adapter: Adapter,
  rule: WeightsConfig,
  config: FullConfig,
): Layer {
  const tensors = weights.map(({ value }) => finite(node.id, value, constant(graph, value)))
  const elements = tensors.reduce((sum, { shape }) => sum + sizeOf(shape), 0)
  return {
    node: node.id,
    kind: node.kind,
    sharedWith: [],
    weights: weights.map(({ value }) => value),
    shape: tensors[0]?.shape ?? [],
    floatBytes: tensors.reduce((sum, { shape, dtype }) => sum + (sizeOf(shape) * bitsOf(dtype)) / 8, 0),
    base: rule.base ?? bits[0]!,
    candidates: bits.map((width) => {
      const grids = weights.map(({ value, axis }) => ({
        value,
        grid: gridOf(constant(graph, value), axis, width, rule, adapter, config),
      }))
      return {
        bits: width,
        grids,
        weightsBytes: (elements * width) / 8,
        fileBytes: fileBytesOf(graph, adapter, grids),
      }
    }),
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
  axis: number,
  bits: number,
  rule: WeightsConfig,
  adapter: Adapter,
  config: FullConfig,
): Grid {
  const { weightsErrorMethod, lPValue: lp } = config.quantizationConfig
  // HMSE needs data: `compensateCandidates` comes back to it.
  const errorMethod = weightsErrorMethod === 'HMSE' ? 'MSE' : weightsErrorMethod
  const [scheme] = schemesFor(rule, bits, adapter)
  const common = { data: toF32(tensor), shape: tensor.shape, axis: rule.perChannel ? axis : null, bits }
  return scheme === 'symmetric' || scheme === 'powerOfTwo' || scheme === 'uniform'
    ? searchGrid({ ...common, scheme, errorMethod, lp })
    : searchLevels({ ...common, scheme: scheme! })
}

function applyRules(layers: readonly Layer[], rules: readonly BitWidthRule[]): Layer[] {
  const faults: string[] = []
  const pinned = new Map<NodeId, number>()
  for (const { match, bits } of rules) {
    const matches = layers.filter(
      (layer) =>
        (match.kind === undefined || layer.kind === match.kind) &&
        (match.name === undefined || glob(match.name).test(layer.node)),
    )
    if (matches.length === 0) faults.push(`${JSON.stringify(match)} matches no layer`)
    for (const layer of matches) {
      if (!layer.candidates.some((candidate) => candidate.bits === bits))
        faults.push(
          `${layer.node} has no ${bits}-bit candidate (it has ${layer.candidates.map((c) => c.bits).join(', ')})`,
        )
      pinned.set(layer.node, bits)
    }
  }
  if (faults.length > 0)
    throw new MixbitError('BIT_WIDTH_NO_MATCH', `bitWidthConfig cannot be followed: ${faults.join('; ')}.`, {
      hint: `The layers are ${layers
        .map((layer) => layer.node)
        .slice(0, 12)
        .join(', ')}${layers.length > 12 ? ', ...' : ''}; \`mixbit inspect\` lists them all.`,
      context: { faults },
    })
  return layers.map((layer) => {
    const bits = pinned.get(layer.node)
    return bits === undefined ? layer : { ...layer, candidates: layer.candidates.filter((c) => c.bits === bits) }
  })
}

/** The layers with nothing to choose, when `configurationOverwrite` says what each gets. */
function overwritten(layers: readonly Layer[], { mixedPrecisionConfig }: FullConfig): Layer[] {
  const overwrite = mixedPrecisionConfig.configurationOverwrite
  if (!overwrite) return [...layers]
  const faults: string[] = []
  if (Array.isArray(overwrite)) {
    if (overwrite.length !== layers.length)
      faults.push(`${overwrite.length} indices were given for ${layers.length} layers`)
  } else
    for (const node of Object.keys(overwrite))
      if (!layers.some((layer) => layer.node === node)) faults.push(`there is no layer ${node}`)
  const result = layers.map((layer, i) => {
    const wanted = Array.isArray(overwrite) ? overwrite[i] : (overwrite as Readonly<Record<string, number>>)[layer.node]
    const found = Array.isArray(overwrite)
      ? layer.candidates[wanted ?? 0]
      : layer.candidates.find(({ bits }) => bits === (wanted ?? baseOf(layer).bits))
    if (!found) {
      const offered = layer.candidates.map(({ bits }) => bits).join(', ')
      faults.push(
        `${layer.node} has no ${Array.isArray(overwrite) ? 'candidate' : 'bit-width'} ${wanted} (it has ${offered})`,
      )
    }
    return { ...layer, candidates: [found ?? layer.candidates[0]!] }
  })
  if (faults.length > 0)
    throw new MixbitError('CONFIG_OVERWRITE', `configurationOverwrite cannot be followed: ${faults.join('; ')}.`, {
      hint: 'Give bits by node name, { conv1: 8, dense: 4 }, or one candidate index per layer, the widest first.',
      context: { faults },
    })
  return result
}

const glob = (pattern: string): RegExp =>
  new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace(/\*/g, '.*')}$`)
