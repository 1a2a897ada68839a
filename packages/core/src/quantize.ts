import type { Graph } from '@mixbit/graph'
import { check, chooseAndWrite, predictedBytes } from './artifact.ts'
import { type Job, type JobOptions, type ResourceUtilization, startJob } from './job.ts'
import { byteBudget, type FloatSizes, floatSizes, limitsOf } from './limits.ts'
import { type Measured, measure } from './measure.ts'
import { observe } from './observe.ts'
import { layerReports, type QuantizeReport, solverReport, starvationWarnings } from './report.ts'
import { outputLayers, weightingChoices } from './weightings.ts'

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
  // source -> graph -> prepared -> candidates
  const job = await startJob(source, options)
  const sizes = await floatSizes(job)
  const limits = limitsOf(options.targetResourceUtilization, sizes)
  if (job.config.debugConfig.bypass) return bypassed(job, sizes)
  clock('prepared')

  // prepared -> observed: ranges of activations, means of layer inputs
  const observed = await observe(job)
  clock('observed')

  // candidates -> sensitivity: only a budget gives a choice to make
  const { configurationOverwrite } = job.config.mixedPrecisionConfig
  const mixedPrecision = Object.keys(limits).length > 0 && !configurationOverwrite
  const { table, scores, hessianScores }: Measured = mixedPrecision ? await measure(job) : unmeasured
  clock('sensitivity')

  // sensitivity -> assignment -> quantized -> artifact
  const budget = mixedPrecision ? await byteBudget(job, observed, limits) : {}
  const chosen = await chooseAndWrite(job, observed, scores, budget)
  clock('assignment')
  const ends = outputLayers(job.prepared, job.layers, chosen.assignment)
  const tellWeightings = table?.onlyFor === null && ends.some(({ starved }) => starved)
  const weightings = tellWeightings ? await weightingChoices(job, observed, table, hessianScores, budget) : []
  const distances = await check(job, chosen.graph, chosen.artifact, observed.grids.size === 0)
  clock('artifact')

  return {
    artifact: chosen.artifact,
    graph: chosen.graph,
    table,
    report: {
      ...basics(job, sizes),
      mixedPrecision,
      layers: layerReports(job.layers, chosen.assignment, mixedPrecision ? scores : null),
      budget: { weightsMemory: limits.weightsMemory ?? null, fileSize: limits.fileSize ?? null },
      utilization: {
        weightsMemory: chosen.assignment.reduce((sum, candidate) => sum + candidate.weightsBytes, 0),
        fileSize: chosen.bytes,
      },
      predictedBytes: await predictedBytes(job, observed, chosen.assignment),
      bytes: chosen.bytes,
      quantizedActivations: [...observed.grids.keys()],
      outputLayers: ends,
      weightings,
      distances,
      solver: solverReport(chosen.solution),
      warnings: [
        ...warningsFor(job, mixedPrecision),
        ...(chosen.solution?.warnings ?? []),
        ...starvationWarnings(job.config, ends, weightings),
      ],
      timings: clock.times,
    },
  }
}

/** Without a search there is nothing to measure. */
const unmeasured: Measured = { table: null, scores: [], hessianScores: null }

const basics = (job: Job, sizes: FloatSizes) => ({
  model: job.graph.name,
  targetPlatform: job.platform.name,
  distanceWeightingMethod: job.config.mixedPrecisionConfig.distanceWeightingMethod,
  floatUtilization: sizes,
})

function warningsFor({ samples, config }: Job, mixedPrecision: boolean): string[] {
  const { numOfImages, configurationOverwrite, normScores } = config.mixedPrecisionConfig
  return [
    ...(configurationOverwrite ? ['configurationOverwrite is set: nothing was searched, and no budget is kept.'] : []),
    ...(mixedPrecision || configurationOverwrite
      ? []
      : ['No budget was given, so mixed precision is off: every layer has its widest bit-width.']),
    ...(normScores === undefined ? [] : ['normScores is not used, here as in MCT.']),
    ...(mixedPrecision && samples.length < numOfImages
      ? [`The sensitivity uses ${samples.length} samples: numOfImages is ${numOfImages}, but there are no more.`]
      : []),
  ]
}

async function bypassed<Artifact>(job: Job<Artifact>, sizes: FloatSizes): Promise<Quantized<Artifact>> {
  return {
    artifact: (await job.adapter.write?.(job.graph)) ?? null,
    graph: job.graph,
    table: null,
    report: {
      ...basics(job, sizes),
      mixedPrecision: false,
      layers: [],
      budget: { weightsMemory: null, fileSize: null },
      utilization: sizes,
      predictedBytes: sizes.fileSize,
      bytes: sizes.fileSize,
      quantizedActivations: [],
      outputLayers: [],
      weightings: [],
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
