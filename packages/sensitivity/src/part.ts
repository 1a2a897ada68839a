import type { SquaredError } from '@mixbit/adapter'
import { cut, type Graph, type Tensor, type Tensors, toF32, type ValueId } from '@mixbit/graph'
import { type Distance, distances, nmseNorm } from './distances.ts'
import type { InterestPoint } from './interest-points.ts'
import type { SweepLayer, SweepOptions } from './sweep.ts'

/** The output that holds the squared errors. */
export const errorsId = 'squared errors'

/** What one layer's session computes. */
export interface Part {
  readonly suffix: Graph
  readonly crossing: readonly ValueId[]
  readonly compared: readonly InterestPoint[]
  /** The compared points whose squared errors the runtime computes itself, as one list in this order; the others are fetched. */
  readonly errors: readonly SquaredError[]
  /** Their places in the list. */
  readonly summed: ReadonlyMap<ValueId, number>
}

/** The part of the graph behind the weights of a layer, or behind an activation, with these as inputs. */
export function partOf(
  { adapter, graph, computeDistanceFn }: SweepOptions,
  layer: SweepLayer,
  points: readonly InterestPoint[],
): Part {
  const { suffix, crossing: reads } = cut(graph, layer.values)
  const crossing = reads.filter((id) => !layer.values.includes(id))
  const made = new Set(suffix.nodes.flatMap((node) => node.outputs))
  const replaced = new Set(layer.values)
  const values = new Map(
    [...suffix.values].map(([id, value]) => {
      const { tensor, stored: _stored, ...rest } = value
      return [id, replaced.has(id) ? { ...rest, shape: tensor?.shape ?? rest.shape } : value]
    }),
  )
  // As inputs they are no constants any more, so no node may claim them as weights.
  const nodes = suffix.nodes.map((node) => ({
    ...node,
    weights: node.weights.filter(({ input }) => !replaced.has(node.inputs[input] ?? '')),
  }))
  // A point that is itself quantized is compared as it is fed.
  const compared = points.filter(
    ({ value }) => made.has(value) || (replaced.has(value) && !graph.values.get(value)?.tensor),
  )
  const isSummed = ({ value, distance, loss }: InterestPoint) =>
    made.has(value) && distance === 'nmse' && loss === undefined && graph.values.get(value)?.dtype === 'f32'
  const errors = (adapter.squaredErrors && !computeDistanceFn ? compared.filter(isSummed) : []).map(
    ({ value }): SquaredError => ({ value, reference: `${value} (float)` }),
  )
  const whole: Graph = { ...suffix, nodes, values, inputs: [...crossing, ...layer.values] }
  return {
    suffix: errors.length > 0 ? adapter.squaredErrors!(whole, errors, errorsId) : whole,
    crossing,
    compared,
    errors,
    summed: new Map(errors.map(({ value }, i) => [value, i])),
  }
}

/** NMSE norms of cached float tensors, kept as long as these. */
const norms = new WeakMap<Tensor, number>()

function normOf(float: Tensor): number {
  const norm = norms.get(float) ?? nmseNorm(toF32(float))
  norms.set(float, norm)
  return norm
}

/** Distances at the compared points, then model output losses, for one candidate and sample. */
export function compare(
  { computeDistanceFn }: SweepOptions,
  { compared, summed }: Part,
  float: Tensors,
  quantized: Tensors,
): number[] {
  const sums = summed.size > 0 ? toF32(quantized.get(errorsId)!) : null
  const at = (point: InterestPoint, distance: Distance) => {
    const f = float.get(point.value)!
    const place = summed.get(point.value)
    if (place !== undefined) return sums![place]! / normOf(f)
    return distance(toF32(f), toF32(quantized.get(point.value)!), f.shape, point.axis)
  }
  return [
    ...compared.map((point) => at(point, computeDistanceFn ?? distances[point.distance])),
    ...compared
      .filter(({ loss }) => loss !== undefined)
      .map((point) => at(point, computeDistanceFn ?? distances[point.loss ?? point.distance])),
  ]
}
