import { MixbitError } from '@mixbit/graph'
import { type Analysis, type FrontierPoint, frontierFor } from './analyze.ts'
import { predictedBytes } from './artifact.ts'
import { assign } from './assign.ts'
import { type ChoiceRequest, searchFor } from './search.ts'
import { type Utilization, utilizationOf } from './utilization.ts'
import { type OutputLayer, outputLayers } from './weightings.ts'

/** What a request chooses, predicted: nothing was built or run. */
export interface Choice {
  /** Bits of every layer, in the order of the layers. */
  readonly bits: readonly number[]
  /** Bits of every activation with a quantizer, in topological order. */
  readonly activationBits: readonly number[]
  /** Summed sensitivity, in the measure of the weighting: not comparable between weightings. */
  readonly sensitivity: number
  /** Predicted; transferSize only shows when the file is written. */
  readonly utilization: Utilization
  /** The last quantized layers before each output. */
  readonly outputLayers: readonly OutputLayer[]
}

/**
 * The assignment of least summed sensitivity inside a budget, from the stored distances: milliseconds for budgets on weights. Without
 * a budget, the base candidate everywhere.
 * @throws MixbitError `BUDGET_INFEASIBLE`, `RESOURCE_NOT_ANALYZED`, `HESSIAN_NOT_MEASURED`, `OPTION_INVALID` for BEST, and those of budgets.
 */
export async function choose(analysis: Analysis, request: ChoiceRequest = {}): Promise<Choice> {
  const search = searchFor(analysis, request)
  const { job, observed, scores, budget, measures } = search
  const { distanceWeightingMethod, refineMpSolution: refine } = job.config.mixedPrecisionConfig
  if (distanceWeightingMethod === 'BEST')
    throw new MixbitError('OPTION_INVALID', 'BEST compares models that are built, and choose builds none.', {
      hint: 'Call quantizeFrom with BEST, or choose with another weighting.',
    })
  const { layers, signal } = job
  const { activations } = observed
  const { assignment, solution } = await assign({ layers, activations, scores, budget }, { refine, signal })
  return {
    bits: assignment.weights.map(({ bits }) => bits),
    activationBits: assignment.activations.map(({ bits }) => bits),
    sensitivity: solution?.objective ?? 0,
    utilization: utilizationOf(
      assignment,
      { fileSize: predictedBytes(search, assignment), transferSize: null },
      measures,
    ),
    outputLayers: outputLayers(job, observed, assignment),
  }
}

/**
 * The curve of bytes of weights against sensitivity under a weighting, cheapest first; its budget is not looked at.
 * @throws MixbitError `HESSIAN_NOT_MEASURED`, `CONFIG_INVALID`.
 */
export function frontierOf(
  analysis: Analysis,
  request: Omit<ChoiceRequest, 'targetResourceUtilization'> = {},
): FrontierPoint[] {
  // Only the weights' rows count, whatever else was measured.
  const { job, scores } = searchFor(analysis, {
    ...request,
    targetResourceUtilization: { weightsMemory: Number.MAX_SAFE_INTEGER },
  })
  return frontierFor(job.layers, scores.weights)
}
