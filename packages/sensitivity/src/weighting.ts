import { MixbitError } from '@mixbit/graph'

/** How distances at the interest points become one number; the names are MCT's, OUTPUT is ours. */
export const MpDistanceWeighting = {
  AVG: 'AVG',
  LAST_LAYER: 'LAST_LAYER',
  EXP: 'EXP',
  HESSIAN: 'HESSIAN',
  OUTPUT: 'OUTPUT',
} as const
export type MpDistanceWeighting = (typeof MpDistanceWeighting)[keyof typeof MpDistanceWeighting]

export interface WeighOptions {
  /** Sigma of EXP; default 0.1. */
  readonly sigma?: number
  /** One score per interest point; required by HESSIAN. */
  readonly hessianScores?: readonly number[]
  /** Model output loss, output point x sample; OUTPUT uses it in place of the output distances. */
  readonly outputLosses?: readonly (readonly number[])[]
}

const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / Math.max(1, values.length)
const weightedMean = (values: readonly number[], weights: readonly number[]): number => {
  const total = weights.reduce((sum, w) => sum + w, 0)
  return total === 0 ? 0 : values.reduce((sum, x, i) => sum + x * weights[i]!, 0) / total
}

/**
 * M = A(distances at interest points) + mean(distances at output points); each part is 0 when it is empty.
 * Both arrays are point x sample, interest points in topological order. OUTPUT has no A. A sum of weights of 0 gives 0.
 * @throws MixbitError `NO_INTEREST_POINT` when both are empty, `HESSIAN_SCORES` when they are missing.
 */
export function weigh(
  method: MpDistanceWeighting,
  points: readonly (readonly number[])[],
  outputs: readonly (readonly number[])[],
  options: WeighOptions = {},
): number {
  if (points.length === 0 && outputs.length === 0)
    throw new MixbitError('NO_INTEREST_POINT', 'There is neither an interest point nor an output point.', {
      hint: 'Compare at one point at least.',
    })
  if (method === 'OUTPUT' && outputs.length > 0) return mean((options.outputLosses ?? outputs).flat())
  const atPoints = points.map(mean)
  return aggregate(method, atPoints, options) + (outputs.length === 0 ? 0 : mean(outputs.flat()))
}

function aggregate(
  method: MpDistanceWeighting,
  atPoints: readonly number[],
  { sigma = 0.1, hessianScores }: WeighOptions,
): number {
  if (atPoints.length === 0) return 0
  switch (method) {
    case 'EXP':
      return weightedMean(
        atPoints,
        atPoints.map((d) => 1 - Math.exp(-d / sigma)),
      )
    case 'HESSIAN':
      if (hessianScores?.length !== atPoints.length)
        throw new MixbitError(
          'HESSIAN_SCORES',
          `HESSIAN needs ${atPoints.length} scores, one per interest point, and got ${hessianScores?.length ?? 'none'}.`,
          { hint: 'Give hessianScores, or take another weighting.' },
        )
      return weightedMean(atPoints, hessianScores)
    case 'LAST_LAYER':
    case 'OUTPUT':
      return atPoints.at(-1)!
    default:
      return mean(atPoints)
  }
}
