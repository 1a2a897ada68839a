import { nodeById, toF32, type ValueId } from '@mixbit/graph'
import type { TableScheme } from '@mixbit/quantizers'
import { type Candidate, constant, fileBytesOf, type Layer, schemesFor, type WeightGrid } from '../candidates.ts'
import { eachSample } from '../each-sample.ts'
import type { Job } from '../job.ts'
import { type EditedWeights, editedWeights } from '../network-editor.ts'
import { breathe, checkAborted } from '../progress.ts'
import { type LayerRows, layerRows } from './layer-rows.ts'
import { type MomentsObserver, momentsObserver, seedOf } from './moments.ts'
import { type LayerProblem, layerProblem, roundLayer, weightedGrid } from './round-layer.ts'

/** Layers whose candidates are rounded so that errors compensate, and what is to be said of the others. */
export interface CompensatedLayers {
  readonly layers: readonly Layer[]
  readonly warnings: readonly string[]
}

interface Watched {
  readonly layer: Layer
  readonly rule: EditedWeights
  /** After the search; null: the same. */
  readonly final: EditedWeights | null
  readonly rows: LayerRows
  readonly observer: MomentsObserver
  readonly input: ValueId
  readonly output: ValueId
}

/**
 * Rounds every candidate of every layer that has a matrix form on the layer's float inputs, once per scheme that the target
 * platform has, and keeps the best; with nearest rounding (HMSE) only finds the grid that those inputs ask for. Layers without that form, and those whose inputs say nothing, keep nearest rounding.
 */
export async function compensateCandidates(job: Job): Promise<CompensatedLayers> {
  const { prepared: graph, samples, platform, config } = job
  const watched = job.layers.flatMap((layer): Watched[] => {
    const node = nodeById(graph, layer.node)
    const edited = editedWeights(platform, config, node)
    const rules = edited ? [edited.rule, edited.final] : []
    const rows = rules.some((rule) => rule && canCompensate(rule, layer)) ? layerRows(graph, node) : null
    const [input, output] = [node.inputs[0], node.outputs[0]]
    return edited && rows && input && output
      ? [{ layer, ...edited, rows, input, output, observer: momentsObserver(rows, samples.length, false) }]
      : []
  })
  await watch(job, watched)
  const warnings: string[] = []
  const done = new Map<Layer, Layer>()
  for (const [i, { layer, rule, final, rows, observer }] of watched.entries()) {
    checkAborted(job.signal)
    const moments = observer.moments()
    const problem = moments && layerProblem(rows, moments, toF32(constant(graph, layer.weights[0]!)), false)
    if (problem) {
      const best = (rule: EditedWeights, candidate: Candidate) =>
        candidate.bits <= mostBits && canCompensate(rule, layer)
          ? bestCandidate(job, rule, candidate, problem)
          : candidate
      const candidates = layer.candidates.map((candidate) => ({
        ...best(rule, candidate),
        ...(candidate.final && { final: best(final ?? rule, candidate.final) }),
      }))
      done.set(layer, { ...layer, candidates })
    } else
      warnings.push(`${layer.node} is rounded to the nearest: its inputs are all zero, or do not determine a rounding.`)
    job.onProgress?.({ stage: 'candidates', done: i + 1, total: watched.length, message: layer.node })
    await breathe()
  }
  return { layers: job.layers.map((layer) => done.get(layer) ?? layer), warnings }
}

/** The widest weights whose rounding errors are worth compensating. */
const mostBits = 8

/** One weight on grids without a zero point, one per output channel, that nobody has set or wants to be found otherwise. */
const canCompensate = ({ scheme, perChannel, threshold, errorMethod }: EditedWeights, { weights }: Layer): boolean =>
  weights.length === 1 && scheme !== 'uniform' && perChannel && threshold === undefined && errorMethod === undefined

/** Runs the float graph over the samples and shows every layer what enters it. */
const watch = (job: Job, watched: readonly Watched[]): Promise<void> =>
  eachSample(
    job,
    job.prepared,
    watched.flatMap(({ input, output }) => [input, output]),
    { stage: 'candidates', message: 'layer inputs' },
    (tensors, sample) => {
      for (const { observer, input, output } of watched)
        observer.add(tensors.get(input)!, tensors.get(output)!.shape, { seed: seedOf(sample) })
    },
  )

/** The candidate on the grid that loses least at the output of the layer; the first of equals. */
function bestCandidate(job: Job, rule: EditedWeights, candidate: Candidate, problem: LayerProblem): Candidate {
  const { prepared: graph, adapter, config } = job
  const { bits, grids } = candidate
  const { grid, value } = grids[0]!
  if (config.quantizationConfig.weightsRounding === 'nearest') {
    const [scheme] = schemesFor(rule, bits, adapter) as TableScheme[]
    return {
      ...candidate,
      grids: [{ value, grid: weightedGrid(problem, { scheme: scheme!, bits, axis: grid.axis! }) }],
    }
  }
  const rounded = schemesFor(rule, bits, adapter).map((name) => {
    const scheme = name as TableScheme
    // On the same levels, nearest rounding must not be better.
    const nearest = scheme === rule.scheme && !grid.levels ? grid.scale : undefined
    return { scheme, ...roundLayer(problem, { scheme, bits, axis: grid.axis!, nearest }) }
  })
  const best = rounded.reduce((a, b) => (b.error < a.error ? b : a))
  const own: WeightGrid[] = [{ value, grid: best.grid, integers: best.integers }]
  return { ...candidate, scheme: best.scheme, nearest: grids, grids: own, fileBytes: fileBytesOf(graph, adapter, own) }
}
