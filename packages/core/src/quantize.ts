import type { Graph } from '@mixbit/graph'
import { liveSteps } from './activation-memory.ts'
import { type Analysis, analysisOf, measureHessian, withInteractions } from './analyze.ts'
import type { Assignment } from './apply.ts'
import { check, chooseAndWrite, predictedBytes } from './artifact.ts'
import { changedAfterSearch, checkFeasible } from './assign.ts'
import { type Job, type JobOptions, type ResourceUtilization, startJob } from './job.ts'
import { checkBudgetNames, type FloatSizes, floatSizes, limitsOf, namesOf, searchBudget } from './limits.ts'
import { type Measurand, type Measured, measurandFor, measure, samplesFor, withMethod } from './measure.ts'
import { improve } from './neighbourhood/improve.ts'
import { observeModel } from './observed-model.ts'
import type { Report } from './progress.ts'
import { couplingWarnings } from './reconstruct/couplings.ts'
import { activationReports, layerReports, type QuantizeReport, solverReport, starvationWarnings } from './report.ts'
import { roundingSteps } from './rounding-steps.ts'
import { scheduleOf } from './schedule.ts'
import { type ChoiceRequest, isSearched, type RequestedSearch, scoresUnder, searchFor } from './search.ts'
import { similarityOf } from './similarity.ts'
import { stopwatch } from './stopwatch.ts'
import { utilizationOf } from './utilization.ts'
import { bestChoice, outputLayers, type WeightingChoice, weightingChoices } from './weightings.ts'
import { wireBytes } from './wire-bytes.ts'

export interface QuantizeOptions<Source = unknown, Artifact = unknown> extends JobOptions<Source, Artifact> {
  /** Mixed precision is on if and only if a budget is given. */
  readonly targetResourceUtilization?: ResourceUtilization
}

export interface Quantized<Artifact = unknown> {
  /** What the adapter wrote (ONNX: the bytes of the file); null for an adapter that only analyses. */
  readonly artifact: Artifact | null
  /** The quantized graph: what the artifact computes, simulated in float. */
  readonly graph: Graph
  readonly report: QuantizeReport
  /** The sweep's raw distances, which serve any other weighting or budget; null without a sweep. */
  readonly table: Measured['table']
  /** What any other budget or weighting can go on from; null for a bypassed job. */
  readonly analysis: Analysis<Artifact> | null
  readonly assignment: Assignment
}

/**
 * The main job: reads a model, gives every layer its own bit-width from its measured sensitivity and the budget, and
 * writes a model that was opened and compared before it is returned.
 *
 * @throws MixbitError for bad options, models and data; `BUDGET_INFEASIBLE`; `ABORTED`. Nothing is written to disk here.
 */
export async function quantize<Source, Artifact>(
  source: Source,
  { targetResourceUtilization, ...options }: QuantizeOptions<Source, Artifact>,
): Promise<Quantized<Artifact>> {
  const clock = stopwatch()
  checkBudgetNames(targetResourceUtilization)
  const resources = namesOf(targetResourceUtilization)
  // source -> graph -> prepared -> candidates
  const job = await startJob(source, options)
  if (job.config.debugConfig.bypass) return bypassed(job)
  clock('prepared')

  // prepared -> observed: ranges of activations, means of layer inputs, sizes
  const model = await observeModel(job, resources)
  clock('observed')

  // candidates -> sensitivity: only a budget gives a choice to make, and one that nothing can keep is refused before the sweep
  const limits = limitsOf(model, targetResourceUtilization)
  const mixedPrecision = isSearched(job, limits)
  await checkFeasible(job, model.observed, mixedPrecision ? searchBudget(model, limits) : {})
  const measurand = mixedPrecision ? measurandFor(model, resources) : nothing
  const measured = mixedPrecision ? await measure(job, measurand) : unmeasured
  clock('sensitivity')

  // sensitivity -> assignment -> quantized -> artifact
  return quantizeFrom(analysisOf(model, measurand, measured, clock.times), { targetResourceUtilization })
}

/**
 * The second half of the main job, from an analysis: chooses under a budget and a weighting, rounds, writes, opens and compares. The
 * bytes are those of `quantize` with the same options, `numOfImages` among them: its default depends on the weighting.
 * @throws MixbitError as `choose`; `ABORTED`.
 */
export async function quantizeFrom<Artifact>(
  analysis: Analysis<Artifact>,
  { onProgress, signal, ...request }: ChoiceRequest & Report = {},
): Promise<Quantized<Artifact>> {
  const clock = stopwatch()
  const report = { ...(onProgress && { onProgress }), ...(signal && { signal }) }
  const method = request.distanceWeightingMethod ?? analysis.job.config.mixedPrecisionConfig.distanceWeightingMethod
  const ready = { ...analysis, job: { ...analysis.job, ...report } }
  const scored = method === 'HESSIAN' || method === 'BEST' ? await measureHessian(ready) : ready
  const known = ready.job.config.mixedPrecisionConfig.interactions ? await withInteractions(scored) : scored
  const asked = searchFor(known, request)

  // sensitivity -> assignment -> quantized -> artifact
  const all = asked.measured.table?.onlyFor === null
  const tell = async (asWritten: boolean) => (all ? weightingChoices(asked, { asWritten }) : [])
  const rivals = method === 'BEST' ? await tell(true) : []
  const { job, scores } = settle(asked, rivals)
  const { observed, budget } = asked
  const chosen = await chooseAndWrite(job, observed, scores, budget, (search, assignment) =>
    improve({ ...asked, job }, search, assignment),
  )
  job.onGraph?.('after_statistics_correction', chosen.graph, chosen.assignment)
  clock('assignment')

  // artifact -> report: what was chosen, beside what others would choose, and what was written, beside the float model
  const ends = outputLayers(job, observed, chosen.assignment)
  // To tell what others would choose, it is not worth writing every one of them; models rounded to the nearest are as they are written.
  const { weightsRounding } = job.config.quantizationConfig
  const starved = rivals.length === 0 && ends.some((end) => end.starved)
  const weightings = starved ? await tell(weightsRounding === 'nearest') : rivals
  const { analyzeSimilarity, simulateScheduler } = job.config.debugConfig
  const findings = {
    outputLayers: ends,
    weightings,
    rounding: await roundingSteps(job, observed, chosen),
    distances: await check(job, chosen.graph, chosen.artifact, chosen.assignment.activations.length === 0),
    similarity: analyzeSimilarity ? await similarityOf(job, chosen.graph) : [],
    schedule: simulateScheduler
      ? scheduleOf(await liveSteps(job, observed.activations), chosen.assignment.activations)
      : null,
  }
  clock('artifact')
  const timings = { ...known.timings, ...clock.times }
  const { artifact, graph, assignment } = chosen
  const told = reportOf({ ...asked, job, scores }, chosen, { ...findings, timings })
  return { artifact, graph, table: asked.measured.table, analysis: known, assignment, report: told }
}

type Findings = Pick<
  QuantizeReport,
  'outputLayers' | 'weightings' | 'rounding' | 'distances' | 'similarity' | 'schedule' | 'timings'
>

/** The report of a choice, with what was found out about it. */
function reportOf(
  asked: RequestedSearch,
  chosen: Awaited<ReturnType<typeof chooseAndWrite>>,
  findings: Findings,
): QuantizeReport {
  const { job, observed, scores, sizes, measures, limits, mixedPrecision } = asked
  const { weights, activations } = chosen.assignment
  return {
    ...basics(job, sizes),
    mixedPrecision,
    layers: layerReports(job.layers, weights, scores.weights.length > 0 ? scores.weights : null),
    activations: activationReports(observed.activations, activations, scores.activations),
    budget: { ...none, ...limits },
    utilization: utilizationOf(chosen.assignment, filesOf(chosen), measures),
    predictedBytes: predictedBytes(asked, chosen.assignment),
    bytes: chosen.bytes,
    transferBytes: chosen.transferBytes,
    interactions: chosen.interactions,
    remeasured: chosen.remeasured,
    solver: solverReport(chosen.solution),
    sensitivitySamples: asked.measured.table?.samples ?? null,
    warnings: [
      ...warningsFor(job, mixedPrecision, asked.measured.table),
      ...observed.activations.flatMap(({ otherBase }) => otherBase ?? []),
      ...editorWarnings(changedAfterSearch({ ...job, ...observed }, chosen.assignment)),
      ...(chosen.solution?.warnings ?? []),
      ...couplingWarnings(job, chosen),
      ...starvationWarnings(job.config, findings.outputLayers, findings.weightings),
    ],
    ...findings,
  }
}

/** The weighting that decides, with its scores: the one of the request, or the best of its rivals. */
function settle<Artifact>(asked: RequestedSearch<Artifact>, rivals: readonly WeightingChoice[]) {
  const { job, measured, measurand } = asked
  if (rivals.length === 0) return asked
  const config = withMethod(job.config, bestChoice(rivals).method)
  return { job: { ...job, config }, scores: scoresUnder(measured, measurand, config) }
}

/** Without a search there is nothing to measure. */
const nothing: Measurand = { layers: [], activations: [] }
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

function warningsFor({ samples, config, warnings }: Job, mixedPrecision: boolean, table: Measured['table']): string[] {
  const { numOfImages, sensitivityTolerance, configurationOverwrite, normScores } = config.mixedPrecisionConfig
  const precise = table && sensitivityTolerance > 0
  const needed = Math.min(numOfImages, precise ? samplesFor(config, table) : numOfImages)
  const why = precise
    ? `a standard error of ${Number((100 * sensitivityTolerance).toPrecision(3))} % takes`
    : 'numOfImages is'
  return [
    ...warnings,
    ...(configurationOverwrite ? ['configurationOverwrite is set: nothing was searched, and no budget is kept.'] : []),
    ...(mixedPrecision || configurationOverwrite
      ? []
      : ['No budget was given, so mixed precision is off: every layer has its base bit-width.']),
    ...(normScores === undefined ? [] : ['normScores is not used, here as in MCT.']),
    ...(mixedPrecision && samples.length < needed
      ? [`The sensitivity uses ${samples.length} samples: ${why} ${needed}, but there are no more.`]
      : []),
  ]
}

const editorWarnings = (changed: readonly string[]): string[] =>
  changed.length === 0
    ? []
    : [`The network editor changed after the search: ${changed.join(', ')}. Budgets were kept without these changes.`]

async function bypassed<Artifact>(job: Job<Artifact>): Promise<Quantized<Artifact>> {
  const sizes = await floatSizes(job)
  return {
    analysis: null,
    assignment: { weights: [], activations: [] },
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
      interactions: null,
      remeasured: null,
      rounding: [],
      similarity: [],
      schedule: null,
      distances: { toFloat: [], toSimulation: [] },
      solver: null,
      sensitivitySamples: null,
      warnings: ['debugConfig.bypass is on: the model is written as it was read.'],
      timings: {},
    },
  }
}
