import { frontier } from '@mixbit/solver'
import { itemsOf, type Scores } from './assign.ts'
import type { Layer } from './candidates.ts'
import { type JobOptions, startJob } from './job.ts'
import type { Resource } from './limits.ts'
import { hessianOf, type Measurand, type Measured, measurandFor, measure, scoresOf } from './measure.ts'
import { measureInteractions } from './neighbourhood/interactions.ts'
import type { Activation } from './observe.ts'
import { type ObservedModel, observeModel } from './observed-model.ts'
import type { Report } from './progress.ts'
import { stopwatch } from './stopwatch.ts'

/** One point of the curve of budget against sensitivity. */
export interface FrontierPoint {
  readonly weightsMemory: number
  readonly sensitivity: number
  /** Bits of every layer, in the order of the layers. */
  readonly bits: readonly number[]
}

/** Everything about a model that no budget and no weighting changes: what `choose` and `quantizeFrom` go on from. */
export interface Analysis<Artifact = unknown> extends ObservedModel<Artifact> {
  readonly measurand: Measurand
  readonly measured: Measured
  readonly layers: readonly Layer[]
  readonly activations: readonly Activation[]
  /** All raw distances; null with a `customMetricFn` and without a sweep. */
  readonly table: Measured['table']
  /** Sensitivity of every candidate under the weighting of the config, in the order of the layers and their candidates. */
  readonly scores: Scores
  /** Under the weighting of the config, cheapest first; empty when weights were not measured. */
  readonly frontier: readonly FrontierPoint[]
  readonly floatWeightsMemory: number
  /** Milliseconds per stage so far. */
  readonly timings: Readonly<Record<string, number>>
}

export interface AnalyzeOptions<Source = unknown, Artifact = unknown> extends JobOptions<Source, Artifact> {
  /** The resources that budgets will be set on: activations are measured if one of them counts these. Default: weightsMemory (and fileSize). */
  readonly resources?: readonly Resource[]
}

/**
 * Measures the sensitivity of every candidate, without choosing or writing.
 * @throws MixbitError as `quantize` for the model, the options and the data.
 */
export async function analyze<Source, Artifact>(
  source: Source,
  { resources = ['weightsMemory'], ...options }: AnalyzeOptions<Source, Artifact>,
): Promise<Analysis<Artifact>> {
  const clock = stopwatch()
  const job = await startJob(source, options)
  clock('prepared')
  const model = await observeModel(job, resources)
  clock('observed')
  const measurand = measurandFor(model, resources)
  const measured = await measure(job, measurand)
  clock('sensitivity')
  return analysisOf(model, measurand, measured, clock.times)
}

/** The analysis with the scores that HESSIAN and BEST need, which are measured once. @throws MixbitError `ABORTED`. */
export async function measureHessian<Artifact>(
  analysis: Analysis<Artifact>,
  report: Report = {},
): Promise<Analysis<Artifact>> {
  const { measured, measurand, timings } = analysis
  if (measured.hessianScores || !measured.table) return analysis
  const clock = stopwatch()
  const job = { ...analysis.job, ...report }
  const hessianScores = await hessianOf(job, measured.table)
  clock('hessian')
  const scores = scoresOf(measured.table, measurand, job.config, hessianScores)
  return analysisOf(analysis, measurand, { ...measured, hessianScores, scores }, { ...timings, ...clock.times })
}

/** The analysis with what `interactions` needs, which is measured once. @throws MixbitError `ABORTED`. */
export async function withInteractions<Artifact>(analysis: Analysis<Artifact>): Promise<Analysis<Artifact>> {
  const { job, measured, measurand, timings } = analysis
  if (measured.interactions || !measured.table) return analysis
  const clock = stopwatch()
  const interactions = await measureInteractions(job, measurand)
  clock('interactions')
  return { ...analysis, measured: { ...measured, interactions }, timings: { ...timings, ...clock.times } }
}

/** What was measured, with what is read off it. */
export function analysisOf<Artifact>(
  { job, observed, sizes, measures, fixedBytes }: ObservedModel<Artifact>,
  measurand: Measurand,
  measured: Measured,
  timings: Analysis['timings'],
): Analysis<Artifact> {
  return {
    ...{ job, observed, sizes, measures, fixedBytes, measurand, measured, timings },
    layers: job.layers,
    activations: observed.activations,
    table: measured.table,
    scores: measured.scores.weights,
    frontier: frontierFor(job.layers, measured.scores.weights),
    floatWeightsMemory: sizes.weightsMemory,
  }
}

/** The curve of bytes of weights against sensitivity, cheapest first: milliseconds. */
export function frontierFor(layers: readonly Layer[], scores: Scores): FrontierPoint[] {
  if (scores.length === 0) return []
  const unlimited = Number.POSITIVE_INFINITY
  const search = { layers, activations: [], scores: { weights: scores, activations: [] } }
  const items = itemsOf({ ...search, budget: { weightsMemory: unlimited } })
  const points = frontier({ items, budgets: [{ name: 'weightsMemory', limit: unlimited }] })
  return points.map(({ cost, loss, choice }) => ({
    weightsMemory: cost,
    sensitivity: loss,
    bits: choice.map((c, i) => layers[i]!.candidates[c]!.bits),
  }))
}
