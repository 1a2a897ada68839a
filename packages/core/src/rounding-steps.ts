import type { Graph } from '@mixbit/graph'
import { type Assignment, apply } from './apply.ts'
import type { Job } from './job.ts'
import type { Observed } from './observe.ts'
import { outputLosses } from './output-loss.ts'

/**
 * One more ingredient of the rounding, at the same bits, and the measured model output loss with all so far. A repair that would make
 * the outputs worse is left out, and its step has the loss of the one before.
 */
export interface RoundingStep {
  readonly step: 'nearest' | 'biasCorrection' | 'compensatedInLayers' | 'repairedThroughModel'
  readonly outputLoss: number
}

/** The loss after each ingredient of error-compensating rounding: four simulations; nothing for nearest rounding. */
export async function roundingSteps(
  job: Job,
  observed: Observed,
  { assignment, graph }: { readonly assignment: Assignment; readonly graph: Graph },
): Promise<RoundingStep[]> {
  const { prepared, layers, config } = job
  if (!assignment.weights.some(({ scheme }) => scheme)) return []
  const nearest = assignment.weights.map((candidate) => ({ ...candidate, grids: candidate.nearest ?? candidate.grids }))
  const simulate = (weights: Assignment['weights'], weightsBiasCorrection: boolean) => {
    const quantizationConfig = { ...config.quantizationConfig, weightsBiasCorrection }
    return apply(prepared, layers, { ...assignment, weights }, observed, { ...config, quantizationConfig })
  }
  const corrected = config.quantizationConfig.weightsBiasCorrection
  const steps: [RoundingStep['step'], Graph][] = [
    ['nearest', simulate(nearest, false)],
    ...(corrected ? [['biasCorrection', simulate(nearest, true)] as [RoundingStep['step'], Graph]] : []),
    ['compensatedInLayers', simulate(assignment.weights, corrected)],
    ['repairedThroughModel', graph],
  ]
  const losses = await outputLosses(
    job,
    steps.map(([, graph]) => graph),
  )
  return steps.map(([step], i) => ({ step, outputLoss: losses[i]! }))
}
