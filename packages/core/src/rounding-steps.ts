import { type Assignment, apply } from './apply.ts'
import type { Job } from './job.ts'
import type { Observed } from './observe.ts'
import { outputLosses } from './output-loss.ts'
import type { Repaired } from './repaired.ts'

/**
 * One more ingredient of the rounding, at the same bits, and the measured model output loss with all so far: of the first `numOfImages`
 * samples, or of up to 1024 where rounding with all channels in view was compared. A step that is left out has the loss of the one before:
 * the repair where it makes the outputs worse by their loss and by their signal-to-noise ratio, all channels in view where the loss does not fall.
 */
export interface RoundingStep {
  readonly step: 'nearest' | 'biasCorrection' | 'compensatedInLayers' | 'repairedThroughModel' | 'allChannelsInView'
  readonly outputLoss: number
}

/** The loss after each ingredient of error-compensating rounding: two more simulations; nothing for nearest rounding. */
export async function roundingSteps(
  job: Job,
  observed: Observed,
  { assignment, losses }: Pick<Repaired, 'losses'> & { readonly assignment: Assignment },
): Promise<RoundingStep[]> {
  const { prepared, layers, config } = job
  if (!losses) return []
  const weights = assignment.weights.map((candidate) => ({ ...candidate, grids: candidate.nearest ?? candidate.grids }))
  const simulate = (weightsBiasCorrection: boolean) => {
    const quantizationConfig = { ...config.quantizationConfig, weightsBiasCorrection }
    return apply(prepared, layers, { ...assignment, weights }, observed, { ...config, quantizationConfig })
  }
  const corrects = config.quantizationConfig.weightsBiasCorrection ? [false, true] : [false]
  const [nearest, corrected] = await outputLosses(job, corrects.map(simulate), losses.samples)
  return [
    { step: 'nearest', outputLoss: nearest! },
    ...(corrected === undefined ? [] : [{ step: 'biasCorrection' as const, outputLoss: corrected }]),
    { step: 'compensatedInLayers', outputLoss: losses.inLayers },
    { step: 'repairedThroughModel', outputLoss: losses.throughModel },
    ...(losses.allChannelsInView === null
      ? []
      : [{ step: 'allChannelsInView' as const, outputLoss: losses.allChannelsInView }]),
  ]
}
