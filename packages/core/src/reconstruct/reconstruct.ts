import { withSession } from '@mixbit/adapter'
import {
  consumers,
  type Graph,
  type Node,
  replaceValues,
  sizeOf,
  type Tensor,
  toF32,
  type Value,
  type ValueId,
  verify,
} from '@mixbit/graph'
import { liveValues } from '../activation-memory.ts'
import type { Assignment } from '../apply.ts'
import { type Candidate, constant, quantizedValue } from '../candidates.ts'
import type { Job } from '../job.ts'
import { correctsBias } from '../network-editor.ts'
import { breathe, checkAborted } from '../progress.ts'
import { type LayerRows, layerRows } from './layer-rows.ts'
import { looksAt } from './looks.ts'
import { type Look, type Moments, momentsObserver, withoutBias } from './moments.ts'
import { layerProblem, roundLayer } from './round-layer.ts'
import { advance, startWalk, type Walk } from './walk.ts'

/**
 * Rounds the weights of a quantized graph anew, layer after layer in topological order: what enters a layer comes from the
 * layers before as they are by then, quantized, and its target is what the float model gives there. So each layer also repairs
 * what those before have lost; with a sum behind it, what the other summand has lost as well. The float weights are
 * fitted to the target (least squares), then rounded so that errors compensate; the bias takes the mean of what is left.
 * Layers whose candidate was rounded to the nearest stay as they are.
 */
export async function reconstruct(job: Job, quantized: Graph, weights: Assignment['weights']): Promise<Graph> {
  const { adapter, prepared: float } = job
  const chosen = new Map(
    job.layers.flatMap(({ node, sharedWith }, i) =>
      weights[i]!.scheme && sharedWith.length === 0 ? [[node, weights[i]!] as const] : [],
    ),
  )
  const samples = job.samples.slice(0, chosen.size > 0 ? await samplesThatFit(job) : 0)
  const walks: Walks = {
    before: startWalk(samples),
    now: startWalk(samples),
    pending: new Set(float.nodes.flatMap(({ id, outputs }) => (chosen.has(id) ? [outputs[0]!] : []))),
    looks: samples.length > 0 ? await looksAt(job, samples) : [],
  }
  let graph = quantized
  let done = 0
  for (const [at, node] of quantized.nodes.entries()) {
    const candidate = chosen.get(node.id)
    const rows = candidate && layerRows(float, float.nodes.find(({ id }) => id === node.id)!)
    if (!rows) continue
    checkAborted(job.signal)
    await advance(walks.now, graph, at, adapter, new Set())
    const moments = await momentsAt(job, graph, node, rows, walks)
    walks.pending.delete(node.outputs[0]!)
    graph = moments ? rounded(job, graph, node, rows, moments, candidate) : graph
    job.onProgress?.({ stage: 'quantized', done: ++done, total: chosen.size, message: node.id })
    await breathe()
  }
  verify(graph)
  return graph
}

/** The float and the quantized model, run side by side. */
interface Walks {
  readonly before: Walk
  readonly now: Walk
  /** What the float model gives at layers that are still to come: its walk may run past them. */
  readonly pending: Set<ValueId>
  readonly looks: readonly Look[]
}

/** How many samples both walks can hold within `memoryLimit`, at least one. */
export async function samplesThatFit({ adapter, prepared, samples, config }: Job): Promise<number> {
  const [sample] = samples as [Job['samples'][number]]
  const made = new Set(prepared.nodes.flatMap((node) => node.outputs))
  const lives = liveValues(prepared, new Map())
  const wanted = [...new Set(lives.flatMap(({ values }) => [...values]))].filter((id) => made.has(id))
  const tensors = new Map([
    ...sample,
    ...(await withSession(adapter, prepared, wanted, (session) => session.run(sample))),
  ])
  const bytes = lives.map(({ values }) => [...values].reduce((sum, id) => sum + 4 * sizeOf(tensors.get(id)!.shape), 0))
  return Math.max(
    1,
    Math.min(samples.length, Math.floor(config.mixedPrecisionConfig.memoryLimit / (2 * Math.max(1, ...bytes)))),
  )
}

/** What the layer reads now, and what it should give. */
async function momentsAt(
  { adapter, prepared: float }: Job,
  graph: Graph,
  node: Node,
  rows: LayerRows,
  { before, now, pending, looks }: Walks,
): Promise<Moments[] | null> {
  const output = node.outputs[0]!
  const sum = sumBehind(graph, output, now.live[0]!)
  const target = sum?.value ?? output
  const stop = 1 + float.nodes.findIndex(({ outputs }) => outputs.includes(target))
  await advance(before, float, stop, adapter, new Set([...pending, target]))
  const observer = momentsObserver(rows, now.live.length, true)
  for (const [sample, live] of now.live.entries()) {
    const { shape, data } = f32Of(before.live[sample]!.get(target)!)
    const other = sum && f32Of(live.get(sum.other)!).data
    observer.add(live.get(node.inputs[0]!)!, shape, looks[sample]!, { data, other })
  }
  return observer.moments()
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

/** The layer with new weights on the grid of its candidate, and a new bias if it has one of its own. */
function rounded(
  job: Job,
  graph: Graph,
  node: Node,
  rows: LayerRows,
  seen: readonly Moments[],
  candidate: Candidate,
): Graph {
  const { value, grid } = candidate.grids[0]!
  const bias = correctsBias(job.config, node) ? ownBias(graph, node, rows) : null
  const moments = bias ? seen : withoutBias(seen, graph.values.get(node.inputs[2] ?? '')?.tensor, rows)
  const problem = layerProblem(rows, moments, toF32(constant(job.prepared, value)), bias !== null)
  if (!problem) return graph
  const { bits, scheme } = candidate
  const { integers, grid: found } = roundLayer(problem, { scheme: scheme!, bits, axis: grid.axis!, tableTurns: 2 })
  const weight = quantizedValue(job.prepared, { value, grid: found, integers })
  const values = new Map([[value, weight]])
  if (bias) values.set(bias.id, { ...bias, tensor: { ...bias.tensor!, data: meanResidual(rows, moments, weight) } })
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

/** The bias of a layer: one float32 constant per output that no other node reads. */
function ownBias(graph: Graph, node: Node, { groups, outputs }: LayerRows): Value | null {
  const bias = graph.values.get(node.inputs[2] ?? '')
  const alone = bias && consumers(graph).get(bias.id)?.length === 1
  return alone && bias.tensor?.dtype === 'f32' && sizeOf(bias.tensor.shape) === groups * outputs ? bias : null
}
