import { withSession } from '@mixbit/adapter'
import { type Graph, MixbitError, type NodeId, producers, type ValueId } from '@mixbit/graph'
import type { MpDistanceWeighting } from '@mixbit/sensitivity'
import { analysisOf, measureHessian } from './analyze.ts'
import type { Assignment } from './apply.ts'
import { assign, checkFeasible } from './assign.ts'
import { compareSessions, type OutputDistance } from './compare.ts'
import { type Job, startJob } from './job.ts'
import { checkBudgetNames, limitsOf, namesOf, searchBudget } from './limits.ts'
import { measurandFor, measure, scoresOf, withMethod } from './measure.ts'
import type { Observed } from './observe.ts'
import { observeModel } from './observed-model.ts'
import { lossBesideFloat, mostDeciding } from './output-loss.ts'
import { parted } from './parted.ts'
import type { QuantizeOptions } from './quantize.ts'
import { repairedGraph, simulated } from './repaired.ts'
import { type RequestedSearch, searchFor } from './search.ts'

/** Bits at which a layer right before an output is likely to ruin it (MCT's judge: 2). */
const starvingBits = 2

/** A quantized layer from which an output comes with no other quantized layer between. */
export interface OutputLayer {
  readonly output: ValueId
  readonly node: NodeId
  /** Bits of its weights. */
  readonly bits: number
  /** Bits of the last activation with a quantizer: behind the layer, or else what it reads; null for float. */
  readonly activationBits: number | null
  /** Either is 2 or less. */
  readonly starved: boolean
}

/** What one distance weighting chooses under the same budget, from the same distances. */
export interface WeightingChoice {
  readonly method: MpDistanceWeighting
  /** Bits of every layer, in the order of the layers. */
  readonly bits: readonly number[]
  /** Bits of every activation with a quantizer, in topological order. */
  readonly activationBits: readonly number[]
  /** Summed sensitivity in this weighting's own measure: not comparable between weightings. */
  readonly sensitivity: number
  readonly weightsMemory: number
  readonly outputLayers: readonly OutputLayer[]
  /**
   * Whether `outputs` and `outputLoss` are those of the model as it would be written, on samples that its rounding was not fitted to where
   * there are enough. False: of the model as the sweep knows it, every layer rounded on its own float inputs and without the repair through
   * the model, on the first `numOfImages` samples: comparable with each other, and with `compensatedInLayers` of the report's `rounding` where
   * that has no step `allChannelsInView` (which is measured on more of them); not with the written file.
   */
  readonly asWritten: boolean
  /** Measured: the quantized model, simulated, against the float model. */
  readonly outputs: readonly OutputDistance[]
  /** Measured: the model output loss, as OUTPUT defines it. */
  readonly outputLoss: number
}

/** Whether so few bits right before an output are likely to ruin it (MCT's judge). */
export const isStarved = (weightBits: number, activationBits: number | null): boolean =>
  Math.min(weightBits, activationBits ?? weightBits) <= starvingBits

/** For each output, the first quantized layers on the way back from it. */
export function outputLayers(
  { prepared: graph, layers }: Pick<Job, 'prepared' | 'layers'>,
  { activations }: Observed,
  assignment: Assignment,
): OutputLayer[] {
  const makers = producers(graph)
  const layerOf = new Map(
    layers.flatMap((layer, i) => [layer.node, ...layer.sharedWith].map((node) => [node, i] as const)),
  )
  const bitsAt = new Map(
    activations.flatMap(({ values }, i) => values.map((id) => [id, assignment.activations[i]!.bits] as const)),
  )
  return graph.outputs.flatMap((output) => {
    const found = new Map<number, number | null>()
    const seen = new Set<ValueId>()
    const todo: { id: ValueId; activationBits: number | null }[] = [{ id: output, activationBits: null }]
    for (let at = todo.pop(); at; at = todo.pop()) {
      const maker = makers.get(at.id)
      if (!maker || seen.has(at.id)) continue
      seen.add(at.id)
      const activationBits = at.activationBits ?? bitsAt.get(at.id) ?? null
      const layer = layerOf.get(maker.id)
      const inputs = [...maker.inputs, ...(maker.captures ?? [])].filter((input) => input !== null)
      if (layer === undefined) todo.push(...inputs.map((id) => ({ id, activationBits })))
      else
        found.set(
          layer,
          activationBits ?? inputs.map((id) => bitsAt.get(id)).find((bits) => bits !== undefined) ?? null,
        )
    }
    return [...found].map(([i, activationBits]) => {
      const { bits } = assignment.weights[i]!
      return { output, node: layers[i]!.node, bits, activationBits, starved: isStarved(bits, activationBits) }
    })
  })
}

const methods = ['AVG', 'LAST_LAYER', 'EXP', 'HESSIAN', 'OUTPUT'] as const

/**
 * What every weighting would choose: one solve each, and the model of every different choice, measured. HESSIAN needs its scores.
 * `asWritten`: each is built as it would be written, which takes about as long as writing it; else as the sweep knows it.
 */
export async function weightingChoices(
  {
    job,
    observed,
    measurand,
    measured: { table, hessianScores: hessian },
    budget,
  }: Pick<RequestedSearch, 'job' | 'observed' | 'measurand' | 'measured' | 'budget'>,
  { asWritten }: Pick<WeightingChoice, 'asWritten'>,
): Promise<WeightingChoice[]> {
  const { adapter, prepared, layers, config } = job
  const { fitted, measuring } = asWritten ? parted(job) : { fitted: job, measuring: job }
  const samples = measuring.samples.slice(0, 16)
  const { outputs } = prepared
  const lossOf = await lossBesideFloat(measuring, asWritten ? mostDeciding : undefined)
  const build = async (assignment: Assignment) =>
    asWritten ? (await repairedGraph(fitted, observed, assignment)).graph : simulated(fitted, observed, assignment)
  const choices: WeightingChoice[] = []
  const measured = new Map<string, Pick<WeightingChoice, 'outputs' | 'outputLoss'>>()
  await withSession(adapter, prepared, outputs, async (float) => {
    const measureGraph = async (graph: Graph) => ({
      outputs: await withSession(adapter, graph, outputs, (session) =>
        compareSessions(float, session, samples, outputs, job),
      ),
      outputLoss: await lossOf(graph),
    })
    for (const method of methods) {
      if (method === 'HESSIAN' && !hessian) continue
      const scores = scoresOf(table!, measurand, withMethod(config, method), hessian)
      const search = { layers, activations: observed.activations, scores, budget }
      const { refineMpSolution: refine } = config.mixedPrecisionConfig
      const { assignment, solution } = await assign(search, { refine, signal: job.signal })
      const { weights, activations } = assignment
      const [bits, activationBits] = [weights, activations].map((list) => list.map((one) => one.bits))
      const choice = `${bits}/${activationBits}`
      const found = measured.get(choice) ?? (await measureGraph(await build(assignment)))
      measured.set(choice, found)
      choices.push({
        method,
        bits: bits!,
        activationBits: activationBits!,
        sensitivity: solution?.objective ?? 0,
        weightsMemory: weights.reduce((sum, { weightsBytes }) => sum + weightsBytes, 0),
        outputLayers: outputLayers(job, observed, assignment),
        asWritten,
        ...found,
      })
    }
  })
  return choices
}

/** The choice with the least measured output loss; the first of equals. */
export const bestChoice = (choices: readonly WeightingChoice[]): WeightingChoice =>
  choices.reduce((a, b) => (b.outputLoss < a.outputLoss ? b : a))

/** Every weighting side by side, by predicted bits and measured outputs. */
export interface WeightingComparison {
  readonly layers: readonly NodeId[]
  readonly activations: readonly ValueId[]
  readonly choices: readonly WeightingChoice[]
}

/**
 * Measures the distances once and solves for every distance weighting.
 * @throws MixbitError as `quantize`; `BUDGET_MISSING` without a budget, `OPTION_INVALID` with a customMetricFn, which no weighting reads.
 */
export async function compareWeightings<Source, Artifact>(
  source: Source,
  options: QuantizeOptions<Source, Artifact>,
): Promise<WeightingComparison> {
  const { customMetricFn, ...mixedPrecisionConfig } = options.coreConfig?.mixedPrecisionConfig ?? {}
  if (customMetricFn)
    throw new MixbitError('OPTION_INVALID', 'A customMetricFn takes the place of every distance weighting.', {
      hint: 'Leave customMetricFn out to compare weightings.',
    })
  const coreConfig = {
    ...options.coreConfig,
    // Samples that are enough for one weighting need not be for another one.
    mixedPrecisionConfig: { sensitivityTolerance: 0, ...mixedPrecisionConfig, keepAllDistances: true },
  }
  const { targetResourceUtilization, ...jobOptions } = options
  checkBudgetNames(targetResourceUtilization)
  const resources = namesOf(targetResourceUtilization)
  if (resources.length === 0)
    throw new MixbitError('BUDGET_MISSING', 'Without a budget every weighting chooses the base bit-widths.', {
      hint: "Give targetResourceUtilization, for example { weightsMemory: '12%' }.",
    })
  const job = await startJob(source, { ...jobOptions, coreConfig })
  const model = await observeModel(job, resources)
  await checkFeasible(job, model.observed, searchBudget(model, limitsOf(model, targetResourceUtilization)))
  const measurand = measurandFor(model, resources)
  const analysis = await measureHessian(analysisOf(model, measurand, await measure(job, measurand), {}))
  return {
    layers: job.layers.map(({ node }) => node),
    activations: analysis.activations.map(({ value }) => value),
    choices: await weightingChoices(searchFor(analysis, { targetResourceUtilization }), { asWritten: true }),
  }
}
