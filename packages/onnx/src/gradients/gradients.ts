import { type Adapter, type Seeded, type Session, withSession } from '@mixbit/adapter'
import { type Graph, pruneUnused, type Tensors, type ValueId } from '@mixbit/graph'
import { builder } from '../builder.ts'
import { metaOf, opsetOf } from '../meta.ts'
import { raiseOpset } from '../storage/raise-opset.ts'
import { placeOf, type Shape } from './place.ts'
import { gradientsOf } from './rules.ts'

/** The first operator set whose ScatterElements adds. */
const opset = 16

/** A graph that computes gradients too. */
export interface GradientGraph {
  readonly graph: Graph
  /** By the value whose gradient it is. */
  readonly gradients: ReadonlyMap<ValueId, ValueId>
}

/** The values whose gradients can matter: f32, made by nodes. */
export const differentiable = (graph: Graph): ValueId[] =>
  graph.nodes.flatMap(({ outputs }) =>
    outputs.filter((id): id is ValueId => graph.values.get(id ?? '')?.dtype === 'f32'),
  )

/**
 * A graph of opset 16 or newer with the gradients of the sum of value * seed over `of` by those of `values` for which every operator in
 * between has a rule. `found`: one run's results for the values of `differentiable`.
 */
export function gradientGraph(
  graph: Graph,
  of: readonly Seeded[],
  values: readonly ValueId[],
  found: Tensors,
): GradientGraph {
  const shapes = new Map<ValueId, Shape>(
    [...found].flatMap(([id, { dtype, shape }]) => (dtype === 'f32' ? [[id, shape]] : [])),
  )
  const reached = reachedFrom(graph, values, shapes)
  const to = builder(graph.values)
  const parts = new Map<ValueId, ValueId[]>()
  const unknown = new Set<ValueId>()
  const add = (id: ValueId, part: ValueId) => parts.set(id, [...(parts.get(id) ?? []), part])
  const total = (id: ValueId | null): ValueId | null => {
    const [one, ...more] = parts.get(id ?? '') ?? []
    return one === undefined ? null : more.reduce((a, b) => to.node('Add', [a, b], { dtype: 'f32' }), one)
  }
  for (const { value, seed } of of) {
    to.values.set(seed, { ...graph.values.get(value)!, id: seed })
    if (reached.has(value)) add(value, seed)
  }
  const gradients = new Map<ValueId, ValueId>()
  for (const node of graph.nodes.toReversed()) {
    const sums = node.outputs.map(total)
    for (const [i, id] of node.outputs.entries())
      if (id !== null && sums[i] && !unknown.has(id) && values.includes(id)) gradients.set(id, sums[i])
    const inputs = node.inputs.flatMap((id, i) => (id !== null && reached.has(id) ? [i] : []))
    const reads = [...inputs.map((i) => node.inputs[i]!), ...(node.captures ?? []).filter((id) => reached.has(id))]
    const isUnknown = node.outputs.some((id) => id !== null && unknown.has(id))
    if (reads.length === 0 || (!isUnknown && sums.every((id) => id === null))) continue
    const known = isUnknown || node.captures ? null : gradientsOf(placeOf(to, node, sums, shapes), inputs)
    for (const id of known ? [] : reads) unknown.add(id)
    if (known) for (const i of inputs) add(node.inputs[i]!, known[i]!)
  }
  return {
    graph: {
      ...graph,
      inputs: [...graph.inputs, ...of.map(({ seed }) => seed)],
      nodes: [...graph.nodes, ...to.nodes],
      values: to.values,
    },
    gradients,
  }
}

/** The graph in an operator set that has all that gradients need; null where it has no form there. */
function raised(given: Graph): Graph | null {
  const graph = raiseOpset(given)
  // From 13 to 16 only the default of RoiAlign has changed.
  if (!graph || (opsetOf(graph) < opset && graph.nodes.some(({ op }) => op === 'RoiAlign'))) return null
  const { opsets } = metaOf(graph)
  return { ...graph, meta: { ...graph.meta, opsets: { ...opsets, '': Math.max(opset, opsetOf(graph)) } } }
}

/** The f32 values that depend on one of `values`, and these. */
function reachedFrom(graph: Graph, values: readonly ValueId[], shapes: ReadonlyMap<ValueId, Shape>): Set<ValueId> {
  const reached = new Set(values.filter((id) => shapes.has(id)))
  for (const { inputs, captures = [], outputs } of graph.nodes)
    if ([...inputs, ...captures].some((id) => id !== null && reached.has(id)))
      for (const id of outputs) if (id !== null && shapes.has(id)) reached.add(id)
  return reached
}

const nothing: Session = { run: async () => new Map(), dispose: async () => {} }

/** The session of a gradient graph, which learns shapes from one run of `sample`: see `Adapter.gradients`. */
export async function gradientSession(
  adapter: Pick<Adapter, 'compile'>,
  graph: Graph,
  of: readonly Seeded[],
  values: readonly ValueId[],
  sample: Tensors,
): Promise<Session> {
  const read = [...new Set([...of.map(({ value }) => value), ...values])]
  const whole = raised(pruneUnused({ ...graph, outputs: read }))
  const wanted = whole ? differentiable(whole) : []
  if (!whole || wanted.length === 0) return nothing
  const found = await withSession(adapter, whole, wanted, (session) => session.run(sample))
  const { graph: both, gradients } = gradientGraph(whole, of, values, found)
  if (gradients.size === 0) return nothing
  const session = await adapter.compile(both, [...gradients.values()])
  return {
    async run(feeds) {
      const results = await session.run(feeds)
      return new Map([...gradients].map(([value, gradient]) => [value, results.get(gradient)!]))
    },
    dispose: () => session.dispose(),
  }
}
