import type { Graph } from '@mixbit/graph'
import { liveSteps } from './activation-memory.ts'
import { check, chooseAndWrite, predictedBytes } from './artifact.ts'
import { changedAfterSearch, checkFeasible } from './assign.ts'
import { type Job, type JobOptions, type ResourceUtilization, startJob } from './job.ts'
import { checkBudgetNames, type FloatSizes, floatSizes, limitsOf, searchBudget } from './limits.ts'
import { type Measurand, type Measured, measurandOf, measure, scoresOf, withMethod } from './measure.ts'
import { observe } from './observe.ts'
import { activationReports, layerReports, type QuantizeReport, solverReport, starvationWarnings } from './report.ts'
import { roundingSteps } from './rounding-steps.ts'
import { scheduleOf } from './schedule.ts'
import { similarityOf } from './similarity.ts'
import { utilizationOf } from './utilization.ts'
import { bestChoice, outputLayers, type WeightingChoice, weightingChoices } from './weightings.ts'
import { wireBytes } from './wire-bytes.ts'

export interface QuantizeOptions<Source = unknown, Artifact = unknown> extends JobOptions<Source, Artifact> {
  /** Mixed precision is on if and only if a budget is given. */
  readonly targetResourceUtilization?: ResourceUtilization
}

export interface Quantized<Artifact> {
  /** What the adapter wrote (ONNX: the bytes of the file); null for an adapter that only analyses. */
  readonly artifact: Artifact | null
  /** The quantized graph: what the artifact computes, simulated in float. */
  readonly graph: Graph
  readonly report: QuantizeReport
  /** The sweep's raw distances, which serve any other weighting or budget; null without a sweep. */
  readonly table: Measured['table']
}

/**
 * The main job: reads a model, gives every layer its own bit-width from its measured sensitivity and the budget, and
 * writes a model that was opened and compared before it is returned.
 *
 * @throws MixbitError for bad options, models and data; `BUDGET_INFEASIBLE`; `ABORTED`. Nothing is written to disk here.
 */
export async function quantize<Source, Artifact>(
  source: Source,
  options: QuantizeOptions<Source, Artifact>,
): Promise<Quantized<Artifact>> {
  const clock = stopwatch()
  checkBudgetNames(options.targetResourceUtilization)
  // source -> graph -> prepared -> candidates
  const started = await startJob(source, options)
  const sizes = await floatSizes(started, options.targetResourceUtilization?.transferSize !== undefined)
  if (started.config.debugConfig.bypass) return bypassed(started, sizes)
  clock('prepared')

  // prepared -> observed: ranges of activations, means of layer inputs
  const observed = await observe(started, options.targetResourceUtilization)
  const { limits, ...measures } = await limitsOf(started, observed, options.targetResourceUtilization, sizes)
  clock('observed')

  // candidates -> sensitivity: only a budget gives a choice to make
  const { configurationOverwrite, distanceWeightingMethod } = started.config.mixedPrecisionConfig
  const mixedPrecision = Object.keys(limits).length > 0 && !configurationOverwrite
  const budget = mixedPrecision ? await searchBudget(started, observed, limits, measures) : {}
  await checkFeasible(started, observed, budget)
  const free = measurandOf(started, observed, limits)
  const measured = mixedPrecision ? await measure(started, free) : unmeasured
  const { table } = measured
  clock('sensitivity')

  // sensitivity -> assignment -> quantized -> artifact
  const tell = async () => (table?.onlyFor === null ? weightingChoices(started, observed, free, measured, budget) : [])
  const rivals = distanceWeightingMethod === 'BEST' ? await tell() : []
  const { job, scores } = settle(started, free, measured, rivals)
  const chosen = await chooseAndWrite(job, observed, scores, budget)
  const { weights, activations } = chosen.assignment
  clock('assignment')
  const ends = outputLayers(job, observed, chosen.assignment)
  const weightings = rivals.length === 0 && ends.some(({ starved }) => starved) ? await tell() : rivals
  const rounding = await roundingSteps(job, observed, chosen)
  const distances = await check(job, chosen.graph, chosen.artifact, activations.length === 0)
  const { analyzeSimilarity, simulateScheduler } = job.config.debugConfig
  const similarity = analyzeSimilarity ? await similarityOf(job, chosen.graph) : []
  const steps = simulateScheduler ? await liveSteps(job, observed.activations) : null
  clock('artifact')

  return {
    artifact: chosen.artifact,
    graph: chosen.graph,
    table,
    report: {
      ...basics(job, sizes),
      mixedPrecision,
      layers: layerReports(job.layers, weights, table || scores.weights.length > 0 ? scores.weights : null),
      activations: activationReports(observed.activations, activations, scores.activations),
      budget: { ...none, ...limits },
      utilization: utilizationOf(chosen.assignment, filesOf(chosen), measures),
      predictedBytes: await predictedBytes(job, observed, chosen.assignment),
      bytes: chosen.bytes,
      transferBytes: chosen.transferBytes,
      outputLayers: ends,
      weightings,
      rounding,
      similarity,
      schedule: steps && scheduleOf(steps, activations),
      distances,
      solver: solverReport(chosen.solution),
      warnings: [
        ...warningsFor(job, mixedPrecision),
        ...observed.activations.flatMap(({ otherBase }) => otherBase ?? []),
        ...editorWarnings(changedAfterSearch({ ...job, ...observed }, chosen.assignment)),
        ...(chosen.solution?.warnings ?? []),
        ...starvationWarnings(job.config, ends, weightings),
      ],
      timings: clock.times,
    },
  }
}

/** The weighting that decides, with its scores: the one of the config, or the best of its rivals. */
function settle<Artifact>(job: Job<Artifact>, free: Measurand, measured: Measured, rivals: readonly WeightingChoice[]) {
  if (rivals.length === 0 || !measured.table) return { job, scores: measured.scores }
  const config = withMethod(job.config, bestChoice(rivals).method)
  return { job: { ...job, config }, scores: scoresOf(measured.table, free, config, measured.hessianScores) }
}

/** Without a search there is nothing to measure. */
const unmeasured: Measured = { table: null, scores: { weights: [], activations: [] }, hessianScores: null }

const none = {
  weightsMemory: null,
  fileSize: null,
  transferSize: null,
  activationMemory: null,
  totalMemory: null,
  bops: null,
}

const filesOf = ({ bytes, transferBytes }: Awaited<ReturnType<typeof chooseAndWrite>>) => ({
  fileSize: bytes,
  transferSize: wireBytes(transferBytes),
})

const basics = (job: Job, sizes: FloatSizes) => ({
  corrections: job.corrections,
  model: job.graph.name,
  targetPlatform: job.platform.name,
  distanceWeightingMethod: job.config.mixedPrecisionConfig.distanceWeightingMethod,
  floatUtilization: sizes,
})

function warningsFor({ samples, config, warnings }: Job, mixedPrecision: boolean): string[] {
  const { numOfImages, configurationOverwrite, normScores } = config.mixedPrecisionConfig
  return [
    ...warnings,
    ...(configurationOverwrite ? ['configurationOverwrite is set: nothing was searched, and no budget is kept.'] : []),
    ...(mixedPrecision || configurationOverwrite
      ? []
      : ['No budget was given, so mixed precision is off: every layer has its base bit-width.']),
    ...(normScores === undefined ? [] : ['normScores is not used, here as in MCT.']),
    ...(mixedPrecision && samples.length < numOfImages
      ? [`The sensitivity uses ${samples.length} samples: numOfImages is ${numOfImages}, but there are no more.`]
      : []),
  ]
}

const editorWarnings = (changed: readonly string[]): string[] =>
  changed.length === 0
    ? []
    : [`The network editor changed after the search: ${changed.join(', ')}. Budgets were kept without these changes.`]

async function bypassed<Artifact>(job: Job<Artifact>, sizes: FloatSizes): Promise<Quantized<Artifact>> {
  return {
    artifact: (await job.adapter.write?.(job.graph)) ?? null,
    graph: job.graph,
    table: null,
    report: {
      ...basics(job, sizes),
      mixedPrecision: false,
      layers: [],
      budget: none,
      utilization: { ...none, ...sizes },
      predictedBytes: sizes.fileSize,
      bytes: sizes.fileSize,
      transferBytes: null,
      activations: [],
      outputLayers: [],
      weightings: [],
      rounding: [],
      similarity: [],
      schedule: null,
      distances: { toFloat: [], toSimulation: [] },
      solver: null,
      warnings: ['debugConfig.bypass is on: the model is written as it was read.'],
      timings: {},
    },
  }
}

/** Milliseconds since the last call, by name. */
function stopwatch() {
  const times: Record<string, number> = {}
  let last = performance.now()
  const lap = (name: string) => {
    const now = performance.now()
    times[name] = now - last
    last = now
  }
  return Object.assign(lap, { times })
}
