import { MixbitError, type Tensors } from '@mixbit/graph'

/** How much worse a model is at one sample, from what the float and the quantized model give there. */
export type OutputLoss = (float: Tensors, quantized: Tensors) => number

/**
 * What a loss of the user's says.
 * @throws MixbitError `METRIC_FAILED` when it throws, `METRIC_TYPE` unless it gives a number.
 */
export function outputLossOf(outputLossFn: OutputLoss, float: Tensors, quantized: Tensors): number {
  const value = ((): unknown => {
    try {
      return outputLossFn(float, quantized)
    } catch (cause) {
      throw new MixbitError('METRIC_FAILED', `The outputLossFn failed: ${(cause as Error)?.message ?? cause}`, {
        hint: 'Both maps hold the float outputs of the model, by name.',
        context: { outputs: [...float.keys()] },
        cause,
      })
    }
  })()
  if (typeof value === 'number' && !Number.isNaN(value)) return value
  throw new MixbitError('METRIC_TYPE', `The outputLossFn gave ${String(value)}, which is no number.`, {
    hint: 'Return a number that grows with the damage, not a promise of one; Infinity says: never take it.',
  })
}
