import type { Adapter } from '@mixbit/adapter'
import {
  consumers,
  type Graph,
  type Node,
  type NodeId,
  nodeById,
  replaceValues,
  sizeOf,
  type Tensor,
  type Tensors,
  toF32,
  type Value,
  type ValueId,
  verify,
} from '@mixbit/graph'
import type { Assignment } from '../apply.ts'
import { type Candidate, constant, quantizedValue, type WeightGrid } from '../candidates.ts'
import type { Job } from '../job.ts'
import { correctsBias } from '../network-editor.ts'
import { breathe, checkAborted } from '../progress.ts'
import type { Couplings } from './couplings.ts'
import type { LayerRows } from './layer-rows.ts'
import { faultOf, type Moments, momentsObserver, seedOf, type WriteTarget, withoutBias } from './moments.ts'
import { factorTargets, multiplied, type Product, writeFactors } from './products.ts'
import { withStates } from './recurrent-rows.ts'
import { layerProblem, roundLayer } from './round-layer.ts'
import { advance, samplesThatFit, startWalk, type Walk } from './walk.ts'
import { type WeightForm, weightForms } from './weight-forms.ts'

/**
 * Rounds the weights of a quantized graph anew, layer after layer in topological order: what enters a layer comes from the
 * layers before as they are by then, quantized, and its target is what the float model gives there. So each layer also repairs
 * what those before have lost; with a sum behind it, what the other summand has lost as well. The float weights are
 * fitted to the target (least squares), then rounded so that errors compensate; the bias takes the mean of what is left.
 * Layers whose candidate was rounded to the nearest stay as they are.
 */
export async function reconstruct(
  job: Job,
  quantized: Graph,
  weights: Assignment['weights'],
  couplings: Couplings = new Map(),
): Promise<Graph> {
  const { adapter } = job
  const float = withStates(job.prepared)
  const chosen = new Map(
    job.layers.flatMap(({ node, sharedWith }, i) =>
      weights[i]!.scheme && sharedWith.length === 0 ? [[node, weights[i]!] as const] : [],
    ),
  )
  const layers = float.nodes.filter(({ id }) => chosen.has(id)).flatMap((node) => layerOf(float, node) ?? [])
  const samples = job.samples.slice(0, layers.length > 0 ? await samplesThatFit(job) : 0)
  const walks: Walks = {
    float,
    before: startWalk(samples),
    now: startWalk(samples),
    pending: new Map(layers.map((layer) => [layer.node.id, layer.wanted])),
    seeds: samples.map(seedOf),
  }
  let graph = quantized
  for (const [done, layer] of layers.entries()) {
    const { id } = layer.node
    checkAborted(job.signal)
    const at = graph.nodes.findIndex((node) => node.id === id)
    await advance(walks.now, graph, at, adapter, new Set())
    const candidate = chosen.get(id)!
    graph = layer.showsTarget
      ? await fittedToOutput(job, graph, layer, walks, candidate, couplings)
      : await fittedToProducts(job, graph, layer, walks, candidate)
    walks.pending.delete(id)
    job.onProgress?.({ stage: 'quantized', done: done + 1, total: layers.length, message: id })
    await breathe()
  }
  verify(graph)
  return graph
}

/** A layer that is rounded anew. */
interface RoundedNode {
  /** In the float graph. */
  readonly node: Node
  readonly forms: ReadonlyMap<number, WeightForm>
  /** Whether a value of the float graph is what the product of its weight should be. */
  readonly showsTarget: boolean
  /** What of the float graph tells its target. */
  readonly wanted: readonly ValueId[]
}

/** Null for look-ups in tables: nothing before them is there to be repaired. */
function layerOf(float: Graph, node: Node): RoundedNode | null {
  const forms = weightForms(float, node)
  if ([...forms.values()].some(({ rows }) => rows.oneHot)) return null
  // With an activation inside, or gates, what comes out is not the matrix product.
  const showsTarget = !node.attrs.activation && !node.recurrence
  return {
    node,
    forms,
    showsTarget,
    wanted: showsTarget ? [node.outputs[0]!] : [...forms.values()].flatMap(({ reads }) => reads),
  }
}

/** The float and the quantized model, run side by side. */
interface Walks {
  readonly float: Graph
  readonly before: Walk
  readonly now: Walk
  /** What the float model gives at layers that are still to come: its walk may run past them. */
  readonly pending: Map<NodeId, readonly ValueId[]>
  readonly seeds: readonly number[]
}

/** Runs the float model up to a place where these values are known. */
function advanceFloat({ float, before, pending }: Walks, adapter: Adapter, values: readonly ValueId[]): Promise<void> {
  const stop = 1 + float.nodes.findLastIndex(({ outputs }) => outputs.some((id) => id !== null && values.includes(id)))
  return advance(before, float, stop, adapter, new Set([...[...pending.values()].flat(), ...values]))
}

/** A layer of one weight, rounded to give what its output is in the float model. */
async function fittedToOutput(
  job: Job,
  graph: Graph,
  { node }: RoundedNode,
  walks: Walks,
  candidate: Candidate,
  couplings: Couplings,
): Promise<Graph> {
  const here = nodeById(graph, node.id)
  const [form] = weightForms(graph, here).values()
  if (!form) return graph
  const { rows } = form
  const { before, now, seeds } = walks
  const output = node.outputs[0]!
  const sum = sumBehind(graph, output, now.live[0]!)
  const target = sum?.value ?? output
  await advanceFloat(walks, job.adapter, [target])
  const observer = momentsObserver(rows, now.live.length, rows.outputs)
  for (const [sample, live] of now.live.entries()) {
    const { shape, data } = f32Of(before.live[sample]!.get(target)!)
    const other = sum ? f32Of(live.get(sum.other)!).data : undefined
    const { input } = form.see(new Map([...live, [output, { dtype: 'f32', shape, data }]]))
    observer.add(input, shape, seeds[sample]!, targetOf(rows, shape, data, other))
  }
  const seen = observer.moments()
  if (!seen || faultOf(seen)) return graph
  const bias = biasOf(job, graph, here, rows)
  const kept = bias ? undefined : graph.values.get(here.inputs[2] ?? '')?.tensor
  const moments = withoutBias(seen, kept, rows)
  const [{ value }] = candidate.grids as [WeightGrid]
  return rounded(job, graph, { rows, value, moments, bias, kept: null, coupling: couplings.get(node.id) }, candidate)
}

/** What the outputs of a layer of this shape should be: `target`, less what `other` gives. */
const targetOf =
  (
    { groups, outputs, outputIndex }: LayerRows,
    shape: readonly number[],
    target: Float32Array,
    other?: Float32Array,
  ): WriteTarget =>
  (position, to, at) => {
    let next = at
    for (let group = 0; group < groups; group++)
      for (let row = 0; row < outputs; row++) {
        const index = outputIndex(shape, group, row, position)
        to[next++] = other ? target[index]! - other[index]! : target[index]!
      }
  }

/**
 * A layer whose target no value shows: the sum of what its weights give in the float model, less what those give that are rounded
 * already. States of recurrent layers are those of the float model: those of the quantized one are full of the errors of all
 * steps before, and fitting to them made things worse.
 */
async function fittedToProducts(
  job: Job,
  start: Graph,
  { node, forms, wanted }: RoundedNode,
  walks: Walks,
  candidate: Candidate,
): Promise<Graph> {
  await advanceFloat(walks, job.adapter, wanted)
  const { before, now, seeds } = walks
  const here = nodeById(start, node.id)
  const done: { product: Product; form: WeightForm; seen: readonly Tensors[] }[] = []
  let graph = start
  for (const { value } of candidate.grids) {
    const input = node.inputs.indexOf(value)
    const ofStates = node.recurrence?.stateWeight === input
    const [float, form] = [forms.get(input), weightForms(withStates(graph), here).get(input)]
    if (!float || !form) continue
    const { rows } = form
    const seen = ofStates ? before.live : now.live
    const weights = toF32(constant(job.prepared, value))
    done.push({ product: { rows, weights, sign: 1 }, form: float, seen: before.live })
    const products = done.map(({ product }) => product)
    const observer = momentsObserver(rows, seen.length, factorTargets(products))
    for (const [sample, tensors] of seen.entries()) {
      const factors = done.map(({ form, seen }) => ({ rows: form.rows, ...form.see(seen[sample]!) }))
      const { input, output } = form.see(tensors)
      observer.add(input, output, seeds[sample]!, writeFactors(factors))
    }
    const moments = observer.moments()
    if (!moments || faultOf(moments)) continue
    const bias = node.recurrence ? null : biasOf(job, graph, here, rows)
    const kept = walks.float.values.get(node.inputs[2] ?? '')?.tensor
    const fitted = { rows, value, moments: multiplied(moments, products), bias, kept: kept ? toF32(kept) : null }
    graph = rounded(job, graph, fitted, candidate)
    done.push({ product: { rows, weights: toF32(constant(graph, value)), sign: -1 }, form, seen })
  }
  return graph
}

const f32Of = (tensor: Tensor) => ({ shape: tensor.shape, data: toF32(tensor) })

/** The sum that alone reads a layer's output, through a quantizer or not, if its other summand is there already. */
function sumBehind(graph: Graph, output: ValueId, live: ReadonlyMap<ValueId, Tensor>) {
  const users = consumers(graph)
  const only = (id: ValueId) =>
    users.get(id)?.length === 1 && !graph.outputs.includes(id) ? users.get(id)![0]! : undefined
  const first = only(output)
  const id = first?.kind === 'fakeQuantize' ? first.outputs[0]! : output
  const add = id === output ? first : only(id)
  const other = add?.inputs.find((input) => input !== id)
  const shapeOf = (value: ValueId) => graph.values.get(value)?.shape?.join()
  if (add?.kind !== 'add' || add.inputs.length !== 2 || other == null || !live.has(other)) return null
  return shapeOf(other) === shapeOf(output) ? { value: add.outputs[0]!, other } : null
}

/** The bias of a layer, where it may be corrected: one float32 constant per output that no other node reads. */
function biasOf({ config }: Job, graph: Graph, node: Node, { groups, outputs }: LayerRows): Value | null {
  const bias = graph.values.get(node.inputs[2] ?? '')
  const alone = bias && consumers(graph).get(bias.id)?.length === 1
  const fits = alone && bias.tensor?.dtype === 'f32' && sizeOf(bias.tensor.shape) === groups * outputs
  return fits && correctsBias(config, node) ? bias : null
}

/** A weight with what it is fitted to; `bias` takes up the mean of what is left. */
interface Fitted {
  readonly rows: LayerRows
  readonly value: ValueId
  readonly moments: readonly Moments[]
  readonly bias: Value | null
  /** A bias that the moments know nothing of, and that stays. */
  readonly kept: Float32Array | null
  readonly coupling?: Float32Array | undefined
}

/** The layer with new weights on the grid of its candidate, and a new bias if it has one of its own. */
function rounded(job: Job, graph: Graph, fitted: Fitted, candidate: Candidate): Graph {
  const { rows, value, moments, bias, kept, coupling } = fitted
  const { bits, scheme, grids } = candidate
  const problem = layerProblem(rows, moments, toF32(constant(job.prepared, value)), bias !== null)
  if (!problem) return graph
  const { axis } = grids.find((one) => one.value === value)!.grid
  const options = { scheme: scheme!, bits, axis: axis!, tableTurns: 1, pairs: true, coupling }
  const { integers, grid } = roundLayer(problem, options)
  const weight = quantizedValue(job.prepared, { value, grid, integers })
  const values = new Map([[value, weight]])
  if (bias) {
    const data = meanResidual(rows, moments, weight).map((mean, i) => mean + (kept?.[i] ?? 0))
    values.set(bias.id, { ...bias, tensor: { ...bias.tensor!, data } })
  }
  return replaceValues(graph, values)
}

/** What is missing from every output on average. */
function meanResidual(
  { groups, outputs, weightIndex }: LayerRows,
  moments: readonly Moments[],
  weight: Value,
): Float32Array {
  const w = toF32(weight.tensor!)
  const bias = new Float64Array(groups * outputs)
  for (const { group, first, columns, meanX, meanY } of moments)
    for (let row = 0; row < outputs; row++) {
      let mean = 0
      for (let j = 0; j < columns; j++) mean += w[weightIndex(group, row, first + j)]! * meanX[j]!
      bias[group * outputs + row]! -= mean
      if (first === 0) bias[group * outputs + row]! += meanY[row]!
    }
  return Float32Array.from(bias)
}
