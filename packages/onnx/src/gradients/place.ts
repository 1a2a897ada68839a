import { type Attr, type DType, type Node, sizeOf, type Tensor, type ValueId } from '@mixbit/graph'
import type { Builder } from '../builder.ts'

/** A node on the way back from what is differentiated, and the means to write down its derivative. */
export interface Place {
  readonly node: Node
  /** Of every output; null: nothing depends on it. */
  readonly gradients: readonly (ValueId | null)[]
  /** The only one of a node with one output. */
  readonly dy: ValueId
  /** Adds a node and gives its output, f32 unless `dtype` says something else. */
  op(name: string, inputs: readonly (ValueId | null)[], attrs?: Record<string, Attr>, dtype?: DType): ValueId
  number(x: number): ValueId
  integers(list: readonly number[]): ValueId
  /** Of a value for the sample that was looked at. */
  shapeOf(id: ValueId): readonly number[]
  constantOf(id: ValueId | null | undefined): Tensor | undefined
  /** A further node with more than one output. */
  readonly builder: Builder
}

export type Shape = readonly number[]

export function placeOf(
  builder: Builder,
  node: Node,
  gradients: readonly (ValueId | null)[],
  shapes: ReadonlyMap<ValueId, Shape>,
): Place {
  const constantOf: Place['constantOf'] = (id) => builder.values.get(id ?? '')?.tensor
  return {
    node,
    gradients,
    dy: gradients[0]!,
    op: (name, inputs, attrs = {}, dtype = 'f32') => builder.node(name, inputs, { dtype }, attrs),
    number: (x) => builder.constant({ dtype: 'f32', shape: [], data: Float32Array.of(x) }, `number ${x}`),
    integers: (list) => {
      const data = BigInt64Array.from(list.map(BigInt))
      return builder.constant({ dtype: 'i64', shape: [list.length], data }, `integers ${list}`)
    },
    shapeOf: (id) => constantOf(id)?.shape ?? shapes.get(id)!,
    constantOf,
    builder,
  }
}

/** The gradient by an input of shape `to` that was broadcast to the shape `from`. */
export function unbroadcast(place: Place, gradient: ValueId, from: Shape, input: ValueId): ValueId {
  const to = place.shapeOf(input)
  const missing = from.length - to.length
  const axes = from.map((_, i) => i).filter((i) => i < missing || (to[i - missing] === 1 && from[i] !== 1))
  if (axes.length === 0) return gradient
  return reshaped(place, place.op('ReduceSum', [gradient, place.integers(axes)], { keepdims: 1 }), input)
}

/** `data` in the shape that the value `like` has in this run. */
export const reshaped = ({ op }: Place, data: ValueId, like: ValueId): ValueId =>
  op('Reshape', [data, op('Shape', [like], {}, 'i64')])

/** Integers from 2^24 on are not all float32. */
const mostPlaces = 2 ** 24

/**
 * The gradient by an input whose elements a node only moves, leaves out or fills up with zeros: the node moves their numbers, and the
 * elements of the gradient go where these say. Null for more elements than float32 can number.
 */
export function unmoved(place: Place): ValueId | null {
  const { node, op, integers, shapeOf, dy } = place
  const [x, ...others] = node.inputs as [ValueId, ...(ValueId | null)[]]
  if (sizeOf(shapeOf(x)) >= mostPlaces) return null
  // Number 0 is that of what was filled in.
  const one = place.builder.constant({ dtype: 'i64', shape: [], data: BigInt64Array.of(1n) }, 'one')
  const size = op('Add', [op('Size', [x], {}, 'i64'), one], {}, 'i64')
  const numbers = op('Cast', [op('Range', [one, size, one], {}, 'i64')], { to: 1 })
  const moved = op(node.op, [reshaped(place, numbers, x), ...others], { ...node.attrs })
  const places = op('Cast', [op('Reshape', [moved, integers([-1])])], { to: 7 }, 'i64')
  const sums = scattered(place, size, places, dy)
  return reshaped(place, op('Slice', [sums, integers([1]), integers([Number.MAX_SAFE_INTEGER])]), x)
}

/** A list of `size` elements, to which those of `data` are added at `places` (a list). */
export function scattered({ op, integers }: Place, size: ValueId, places: ValueId, data: ValueId): ValueId {
  const zeros = op('ConstantOfShape', [op('Reshape', [size, integers([1])], {}, 'i64')])
  return op('ScatterElements', [zeros, places, op('Reshape', [data, integers([-1])])], { axis: 0, reduction: 'add' })
}
