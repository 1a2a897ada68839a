import { withSession } from '@mixbit/adapter'
import { nodeById, toF32, type ValueId } from '@mixbit/graph'
import type { TableScheme } from '@mixbit/quantizers'
import { type Candidate, constant, fileBytesOf, type Layer, type WeightGrid } from '../candidates.ts'
import type { Job } from '../job.ts'
import { breathe, checkAborted } from '../progress.ts'
import { schemesFor } from '../target-platform.ts'
import { type LayerRows, layerRows } from './layer-rows.ts'
import { type MomentsObserver, momentsObserver } from './moments.ts'
import { layerProblem, type RoundedLayer, roundLayer } from './round-layer.ts'

/** Layers whose candidates are rounded so that errors compensate, and what is to be said of the others. */
export interface CompensatedLayers {
  readonly layers: readonly Layer[]
  readonly warnings: readonly string[]
}

interface Watched {
  readonly layer: Layer
  readonly rows: LayerRows
  readonly observer: MomentsObserver
  readonly input: ValueId
  readonly output: ValueId
}

/**
 * Rounds every candidate of every layer that has a matrix form on the layer's float inputs, once per scheme that the target
 * platform has, and keeps the best. Layers without that form, and those whose inputs say nothing, keep nearest rounding.
 */
export async function compensateCandidates(job: Job): Promise<CompensatedLayers> {
  const { prepared: graph, samples } = job
  const watched = job.layers.flatMap((layer): Watched[] => {
    const node = nodeById(graph, layer.node)
    const rows = canCompensate(job, layer) ? layerRows(graph, node) : null
    const [input, output] = [node.inputs[0], node.outputs[0]]
    return rows && input && output
      ? [{ layer, rows, input, output, observer: momentsObserver(rows, samples.length, false) }]
      : []
  })
  if (watched.length > 0) await watch(job, watched)
  const warnings: string[] = []
  const done = new Map<Layer, Layer>()
  for (const [i, { layer, rows, observer }] of watched.entries()) {
    checkAborted(job.signal)
    const moments = observer.moments()
    const problem = moments && layerProblem(rows, moments, toF32(constant(graph, layer.weights[0]!)), false)
    if (problem)
      done.set(layer, {
        ...layer,
        candidates: layer.candidates.map((candidate) =>
          bestCandidate(job, candidate, (scheme, nearest) =>
            roundLayer(problem, { scheme, bits: candidate.bits, axis: candidate.grids[0]!.grid.axis!, nearest }),
          ),
        ),
      })
    else
      warnings.push(`${layer.node} is rounded to the nearest: its inputs are all zero, or do not determine a rounding.`)
    job.onProgress?.({ stage: 'candidates', done: i + 1, total: watched.length, message: layer.node })
    await breathe()
  }
  return { layers: job.layers.map((layer) => done.get(layer) ?? layer), warnings }
}

/** One weight, symmetric per output channel, of 8 bits or less. */
const canCompensate = ({ platform }: Job, { weights, candidates }: Layer): boolean =>
  weights.length === 1 &&
  platform.weightsScheme !== 'uniform' &&
  candidates.every(({ bits, grids }) => bits <= 8 && grids[0]!.grid.axis !== null)

/** Runs the float graph over the samples and shows every layer what enters it. */
async function watch(job: Job, watched: readonly Watched[]): Promise<void> {
  const { adapter, prepared: graph, samples, signal, onProgress } = job
  const wanted = [...new Set(watched.flatMap(({ input, output }) => [input, output]))]
  await withSession(adapter, graph, wanted, async (session) => {
    for (const [i, sample] of samples.entries()) {
      checkAborted(signal)
      const tensors = await session.run(sample)
      for (const { observer, input, output } of watched) observer.add(tensors.get(input)!, tensors.get(output)!.shape)
      onProgress?.({ stage: 'candidates', done: i + 1, total: samples.length, message: 'layer inputs' })
      await breathe()
    }
  })
}

/** The scheme that loses least at the output of the layer; the first of equals. */
function bestCandidate(
  job: Job,
  candidate: Candidate,
  round: (scheme: TableScheme, nearest: Float32Array | undefined) => RoundedLayer,
): Candidate {
  const { grid, value } = candidate.grids[0]!
  const own = schemesFor(job.platform, candidate.bits).filter((scheme) => scheme !== 'uniform')
  const rounded = own.map((scheme) => ({
    scheme,
    ...round(scheme, scheme === job.platform.weightsScheme ? grid.scale : undefined),
  }))
  const best = rounded.reduce((a, b) => (b.error < a.error ? b : a))
  const grids: WeightGrid[] = [{ value, grid: best.grid, integers: best.integers }]
  return { ...candidate, scheme: best.scheme, grids, fileBytes: fileBytesOf(job.prepared, job.adapter, grids) }
}
