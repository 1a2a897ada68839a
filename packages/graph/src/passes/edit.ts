import type { Attr, Graph, Node, NodeId, Value, ValueId } from '../graph.ts'
import { f32ToF16, toF32 } from '../half.ts'
import { consumers, producers, pruneUnused } from '../query.ts'
import type { Tensor } from '../tensor.ts'

/** What a matcher may ask about the graph it looks at. */
export interface View {
  readonly graph: Graph
  readonly madeBy: ReadonlyMap<ValueId, Node>
  readonly readBy: ReadonlyMap<ValueId, readonly Node[]>
}

/** One change: some nodes go, others take the place of one of them; constants are added. */
export interface Edit {
  readonly drop: ReadonlySet<NodeId>
  readonly replace: Node
  readonly constants: readonly Value[]
}

/** Applies what `match` finds, node by node, until it finds nothing more. Unused constants go at the end. */
export function untilSettled(graph: Graph, match: (view: View, node: Node) => Edit | undefined): Graph {
  let current = graph
  for (;;) {
    const view = { graph: current, madeBy: producers(current), readBy: consumers(current) }
    const edit = firstMatch(view, match)
    if (!edit) return current === graph ? graph : pruneUnused(current)
    current = apply(current, edit)
  }
}

function firstMatch(view: View, match: (view: View, node: Node) => Edit | undefined): Edit | undefined {
  for (const node of view.graph.nodes) {
    const edit = match(view, node)
    if (edit) return edit
  }
  return undefined
}

function apply(graph: Graph, { drop, replace, constants }: Edit): Graph {
  const nodes = graph.nodes.flatMap((node) => (node.id === replace.id ? [replace] : drop.has(node.id) ? [] : [node]))
  const values = new Map(graph.values)
  for (const value of constants) values.set(value.id, value)
  return { ...graph, nodes, values }
}

/** The node that makes a value, if the value is seen by `reader` alone: no other node, and not a graph output. */
export function onlyFor(view: View, reader: Node, id: ValueId | null | undefined): Node | undefined {
  if (id === null || id === undefined || view.graph.outputs.includes(id)) return undefined
  const alone = view.readBy.get(id)?.length === 1 && reader.inputs.filter((input) => input === id).length === 1
  return alone && !reader.captures?.includes(id) ? view.madeBy.get(id) : undefined
}

/** True when nobody sees these values of a node. */
export const unseen = (view: View, ids: readonly (ValueId | null)[]): boolean =>
  ids.every((id) => id === null || !(view.readBy.has(id) || view.graph.outputs.includes(id)))

/** A constant whose numbers a pass may change: f32 or f16, and not yet put on a grid. */
export function plainConstant(graph: Graph, id: ValueId | null | undefined): Tensor | undefined {
  const value = graph.values.get(id ?? '')
  const tensor = value?.stored ? undefined : value?.tensor
  return tensor?.dtype === 'f32' || tensor?.dtype === 'f16' ? tensor : undefined
}

export const isOne = (attr: Attr | undefined): boolean =>
  attr === undefined || (Array.isArray(attr) ? attr.every((n) => n === 1) : Number(attr) === 1)

/** An integer attribute with its default. */
export const integer = (attr: Attr | undefined, otherwise: number): number =>
  typeof attr === 'number' || typeof attr === 'bigint' ? Number(attr) : otherwise

/** A float attribute with its default. */
export const float = (attr: Attr | undefined, otherwise: number): number => {
  if (typeof attr === 'number') return attr
  return typeof attr === 'object' && 'float' in attr && typeof attr.float === 'number' ? attr.float : otherwise
}

/** Float64 numbers as a constant of f32 or f16 under a new id; undefined if one of them is not finite in that dtype. */
export function constantLike(
  graph: Graph,
  base: ValueId,
  dtype: Tensor['dtype'],
  shape: readonly number[],
  numbers: Float64Array,
): Value | undefined {
  const single = Float32Array.from(numbers)
  const tensor: Tensor =
    dtype === 'f16' ? { dtype, shape, data: f32ToF16(single) } : { dtype: 'f32', shape, data: single }
  if (!toF32(tensor).every(Number.isFinite)) return undefined
  return { id: freshValue(graph, base), dtype: tensor.dtype, shape, tensor }
}

/** An id that no value has yet: `base`, `base_2`, `base_3` ... */
export function freshValue(graph: Graph, base: ValueId): ValueId {
  for (let n = 1; ; n++) {
    const id = n === 1 ? base : `${base}_${n}`
    if (!graph.values.has(id)) return id
  }
}

/** A scalar of float32. */
export const scalar = (id: ValueId, x: number): Value => ({
  id,
  dtype: 'f32',
  shape: [],
  tensor: { dtype: 'f32', shape: [], data: Float32Array.of(x) },
})

/** A node with an id that the graph does not have yet. */
export function freshNode(
  graph: Graph,
  base: NodeId,
  given: Pick<Node, 'kind' | 'op' | 'inputs' | 'outputs' | 'preserving'>,
): Node {
  const taken = new Set(graph.nodes.map(({ id }) => id))
  let id = base
  for (let n = 2; taken.has(id); n++) id = `${base}_${n}`
  return { id, attrs: {}, weights: [], ...given }
}
