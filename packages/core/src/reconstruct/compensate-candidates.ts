import { type Graph, nodeById, toF32, type ValueId } from '@mixbit/graph'
import { type Candidate, constant, fileBytesOf, type Layer, schemesFor, type WeightGrid } from '../candidates.ts'
import { eachSample } from '../each-sample.ts'
import type { Job } from '../job.ts'
import { type EditedWeights, editedWeights } from '../network-editor.ts'
import { breathe, checkAborted } from '../progress.ts'
import type { LayerRows } from './layer-rows.ts'
import { faultOf, type MomentsObserver, momentsObserver, seedOf } from './moments.ts'
import { withStates } from './recurrent-rows.ts'
import { type LayerProblem, layerProblem, roundLayer, weightedGrid } from './round-layer.ts'
import { type WeightForm, weightForms } from './weight-forms.ts'

/** Layers whose candidates are rounded so that errors compensate, and what is to be said of the others. */
export interface CompensatedLayers {
  readonly layers: readonly Layer[]
  readonly warnings: readonly string[]
}

/** A layer, and those of its weights that have a matrix form. */
interface Watched {
  readonly layer: Layer
  readonly rule: EditedWeights
  /** After the search; null: the same. */
  readonly final: EditedWeights | null
  readonly weights: readonly WatchedWeight[]
}

interface WatchedWeight {
  readonly value: ValueId
  readonly rows: LayerRows
  /** One for every node that has the weight. */
  readonly forms: readonly WeightForm[]
  readonly observer: MomentsObserver
}

/** The problem of every weight that has a matrix form. */
type Problems = ReadonlyMap<ValueId, LayerProblem>

/**
 * Rounds every candidate of every layer that has a matrix form on the layer's float inputs, once per scheme that the target
 * platform has, and keeps the best; with nearest rounding (HMSE) only finds the grid that those inputs ask for. Layers without that form, and those whose inputs say nothing, keep nearest rounding.
 */
export async function compensateCandidates(job: Job): Promise<CompensatedLayers> {
  const { platform, config } = job
  const graph = withStates(job.prepared)
  const watched = job.layers.flatMap((layer): Watched[] => {
    const edited = editedWeights(platform, config, nodeById(graph, layer.node))
    const rules = edited ? [edited.rule, edited.final] : []
    const weights = rules.some((rule) => rule && canCompensate(rule)) ? watchedWeights(job, graph, layer) : []
    return edited && weights.length > 0 ? [{ layer, ...edited, weights }] : []
  })
  await watch(job, graph, watched)
  const warnings: string[] = []
  const done = new Map<Layer, Layer>()
  for (const [i, { layer, rule, final, weights }] of watched.entries()) {
    checkAborted(job.signal)
    const { problems, faults } = problemsOf(job, weights)
    warnings.push(...faults.map((fault) => `${layer.node} ${fault}.`))
    if (problems.size > 0) {
      const best = (rule: EditedWeights, candidate: Candidate) =>
        candidate.bits <= mostBits && canCompensate(rule) ? bestCandidate(job, rule, candidate, problems) : candidate
      const candidates = layer.candidates.map((candidate) => ({
        ...best(rule, candidate),
        ...(candidate.final && { final: best(final ?? rule, candidate.final) }),
      }))
      done.set(layer, { ...layer, candidates })
    }
    job.onProgress?.({ stage: 'candidates', done: i + 1, total: watched.length, message: layer.node })
    await breathe()
  }
  return { layers: job.layers.map((layer) => done.get(layer) ?? layer), warnings }
}

/** The weights of a layer that have the same matrix form in all its nodes. */
function watchedWeights({ samples }: Job, graph: Graph, { node, sharedWith, weights }: Layer): WatchedWeight[] {
  const nodes = [node, ...sharedWith].map((id) => nodeById(graph, id))
  return weights.flatMap((value): WatchedWeight[] => {
    const users = nodes.filter(({ inputs }) => inputs.includes(value))
    const forms = users.flatMap((user) => weightForms(graph, user).get(user.inputs.indexOf(value)) ?? [])
    const [first] = forms
    if (!first || forms.length < users.length || !forms.every(({ rows }) => alike(rows, first.rows))) return []
    const { rows } = first
    return [{ value, rows, forms, observer: momentsObserver(rows, samples.length * forms.length, 0) }]
  })
}

const alike = (a: LayerRows, b: LayerRows): boolean =>
  a.groups === b.groups &&
  a.outputs === b.outputs &&
  a.inputs === b.inputs &&
  a.weightIndex(0, 0, 1) === b.weightIndex(0, 0, 1)

/** The problems of the weights whose inputs say something, and what is wrong with the others. */
function problemsOf(
  { prepared: graph }: Job,
  weights: readonly WatchedWeight[],
): { problems: Problems; faults: string[] } {
  const problems = new Map<ValueId, LayerProblem>()
  const faults: string[] = []
  for (const { value, rows, observer } of weights) {
    const moments = observer.moments()
    const fault = faultOf(moments)
    const problem = fault === null ? layerProblem(rows, moments!, toF32(constant(graph, value)), false) : null
    if (problem) problems.set(value, problem)
    const which = weights.length > 1 ? `of ${value}, ` : ''
    if (!problem) faults.push(`is rounded to the nearest: ${which}${fault ?? 'its inputs do not determine a rounding'}`)
    else if (problem.indifferent > 0)
      faults.push(
        `has ${problem.indifferent} of ${problem.blocks.length} groups ${which}that are rounded to the nearest: their inputs are zero or constant`,
      )
  }
  return { problems, faults }
}

/** The widest weights whose rounding errors are worth compensating. */
const mostBits = 8

/** Grids with one scale per output channel that nobody has set or wants to be found otherwise. */
const canCompensate = ({ perChannel, threshold, errorMethod }: EditedWeights): boolean =>
  perChannel && threshold === undefined && errorMethod === undefined

/** Runs the float graph over the samples and shows every layer what enters it. */
function watch(job: Job, graph: Graph, watched: readonly Watched[]): Promise<void> {
  const weights = watched.flatMap((layer) => layer.weights)
  return eachSample(
    job,
    graph,
    weights.flatMap(({ forms }) => forms.flatMap(({ reads }) => reads)),
    { stage: 'candidates', message: 'layer inputs' },
    (tensors, sample) => {
      const seed = seedOf(sample)
      for (const { forms, observer } of weights)
        for (const { see, rows } of forms) {
          const { input, output } = see(tensors)
          observer.add(input, output, seed, null, rows)
        }
    },
  )
}

/** The candidate on the grid that loses least at the output of the layer; the first of equals. */
function bestCandidate(job: Job, rule: EditedWeights, candidate: Candidate, problems: Problems): Candidate {
  const { prepared: graph, adapter, config } = job
  const { bits, grids } = candidate
  const [own] = schemesFor(rule, bits, adapter)
  if (config.quantizationConfig.weightsRounding === 'nearest') {
    const weighted = grids.map(({ value, grid }): WeightGrid => {
      const problem = problems.get(value)
      const weighted = problem && own !== undefined && own !== 'uniform'
      return { value, grid: weighted ? weightedGrid(problem, { scheme: own, bits, axis: grid.axis! }) : grid }
    })
    return { ...candidate, grids: weighted }
  }
  const rounded = schemesFor(rule, bits, adapter).map((scheme) => {
    let error = 0
    const all = grids.map((before): WeightGrid => {
      const { value, grid } = before
      const problem = problems.get(value)
      if (!problem) return before
      // Tables that are looked up are done here; the others are fitted again in `reconstruct`.
      // On the same levels, nearest rounding must not be better.
      const nearest = scheme === rule.scheme && !grid.levels ? grid : undefined
      const tableTurns = problem.layer.oneHot ? 2 : 0
      const found = roundLayer(problem, { scheme, bits, axis: grid.axis!, nearest, tableTurns })
      error += found.error
      return { value, grid: found.grid, integers: found.integers }
    })
    return { scheme, error, grids: all }
  })
  const best = rounded.reduce((a, b) => (b.error < a.error ? b : a))
  return {
    ...candidate,
    scheme: best.scheme,
    nearest: grids,
    grids: best.grids,
    fileBytes: fileBytesOf(graph, adapter, best.grids),
  }
}
