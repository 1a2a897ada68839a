import { type Graph, MixbitError, type Node, originOf, producers, type ValueId } from '@mixbit/graph'
import type { DistanceName } from './distances.ts'

/** A value where the float and the quantized model are compared. */
export interface InterestPoint {
  readonly value: ValueId
  readonly node: string
  readonly distance: DistanceName
  /** Axis of a softmax; absent: the last one. */
  readonly axis?: number
  /** Output points only: the model output loss that OUTPUT uses; null where the point's own distance has to serve. */
  readonly loss?: 'kl' | 'klLogits' | null
}

const pointKinds = new Set<Node['kind']>([
  'conv',
  'depthwiseConv',
  'convTranspose',
  'dense',
  'sigmoid',
  'softmax',
  'add',
  'concat',
  'stack',
  'recurrent',
])

/** floor(factor * count), at least 1, indices spread evenly over 0 .. count - 1, rounded half to even. */
export function spread(count: number, factor: number): number[] {
  if (!(factor > 0 && factor <= 1))
    throw new MixbitError(
      'INTEREST_POINTS_FACTOR',
      `numInterestPointsFactor is ${factor}, and must be above 0 and at most 1.`,
      { hint: 'Use 1 for all interest points.' },
    )
  const n = Math.min(count, Math.max(1, Math.floor(factor * count)))
  return Array.from({ length: n }, (_, i) => halfEven(n === 1 ? 0 : (i * (count - 1)) / (n - 1)))
}

const halfEven = (x: number): number => {
  const floor = Math.floor(x)
  if (x - floor !== 0.5) return Math.round(x)
  return floor % 2 === 0 ? floor : floor + 1
}

/**
 * Interest points in topological order, and output points: all float outputs. Outputs are no interest points. Kinds and
 * distances are those of MCT (convolution, add, concat, stack: NMSE; dense and sigmoid: cosine; softmax: KL), and recurrent layers.
 * @throws MixbitError `NO_INTEREST_POINT`, `INTEREST_POINTS_FACTOR`.
 */
export function interestPoints(
  graph: Graph,
  { numInterestPointsFactor = 1 } = {},
): { points: InterestPoint[]; outputs: InterestPoint[] } {
  const candidates = graph.nodes.filter(
    (node) => pointKinds.has(node.kind) && node.outputs[0] != null && isFloat(graph, node.outputs[0]),
  )
  const kept =
    candidates.length === 0 ? [] : spread(candidates.length, numInterestPointsFactor).map((i) => candidates[i]!)
  const makers = producers(graph)
  const points = kept
    .filter((node) => !graph.outputs.includes(node.outputs[0]!))
    .map((node) => pointOf(node, node.outputs[0]!))
  const outputs = graph.outputs
    .filter((id) => isFloat(graph, id) && makers.has(id))
    .map((id) => outputPoint(makers, id))
  if (points.length + outputs.length === 0)
    throw new MixbitError('NO_INTEREST_POINT', 'The model has no float output and no interest point to compare at.', {
      hint: 'Give a customMetricFn, or a model with float outputs.',
    })
  return { points, outputs }
}

const isFloat = (graph: Graph, id: ValueId): boolean =>
  ['f32', 'f16', 'bf16', 'f64'].includes(graph.values.get(id)?.dtype ?? '')

function pointOf(node: Node, value: ValueId): InterestPoint {
  const point = { value, node: node.id }
  if (node.kind === 'dense' || node.kind === 'sigmoid') return { ...point, distance: 'cosine' }
  if (node.kind !== 'softmax') return { ...point, distance: 'nmse' }
  return { ...point, distance: 'kl', ...(typeof node.attrs.axis === 'number' && { axis: node.attrs.axis }) }
}

/** An output counts as what made it, through nodes that only move data. */
function outputPoint(makers: ReadonlyMap<ValueId, Node>, value: ValueId): InterestPoint {
  const node = originOf(makers, value)!
  const point = pointOf(node, value)
  const biased = node.kind === 'add' && node.inputs.some((id) => id !== null && isMatrixProduct(makers.get(id)))
  return { ...point, loss: point.distance === 'kl' ? 'kl' : isMatrixProduct(node) || biased ? 'klLogits' : null }
}

const isMatrixProduct = (node: Node | undefined): boolean => node?.kind === 'dense' || node?.kind === 'matmul'
