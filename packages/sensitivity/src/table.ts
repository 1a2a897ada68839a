import { MixbitError } from '@mixbit/graph'
import type { InterestPoint } from './interest-points.ts'
import { type NormalizeOptions, normalizeMetrics } from './normalize.ts'
import { type MpDistanceWeighting, weigh } from './weighting.ts'

/** All raw distances of one candidate: point x sample. */
export interface CandidateDistances {
  readonly label: string
  readonly bits: number
  readonly points: readonly (readonly number[])[]
  readonly outputs: readonly (readonly number[])[]
  /** Model output loss per output point. */
  readonly losses: readonly (readonly number[])[]
}

/** Weightings that read the last interest point and the outputs, or the outputs alone. */
export type FewPoints = 'LAST_LAYER' | 'OUTPUT'

/** What the sweep measured, as plain data: another weighting or budget needs no new run. */
export interface SensitivityTable {
  readonly key: string
  /** The only weighting whose distances were measured; null: all distances are here. */
  readonly onlyFor: FewPoints | null
  readonly samples: number
  readonly points: readonly InterestPoint[]
  readonly outputs: readonly InterestPoint[]
  readonly layers: readonly { readonly node: string; readonly candidates: readonly CandidateDistances[] }[]
}

export interface SensitivityOptions extends NormalizeOptions {
  /** Default AVG. */
  readonly distanceWeightingMethod?: MpDistanceWeighting
  /** Default 0.1. */
  readonly expDistanceWeightingSigma?: number
  /** For HESSIAN, one per interest point of the table. */
  readonly hessianScores?: readonly number[]
}

/**
 * One number per layer and candidate, from the raw distances.
 * @throws MixbitError `DISTANCES_NOT_KEPT` for a weighting that needs distances which the sweep left out.
 */
export function sensitivities(
  table: SensitivityTable,
  options: SensitivityOptions = {},
): { node: string; values: number[] }[] {
  const { distanceWeightingMethod = 'AVG', expDistanceWeightingSigma = 0.1, hessianScores } = options
  if (table.onlyFor !== null && table.onlyFor !== distanceWeightingMethod)
    throw new MixbitError(
      'DISTANCES_NOT_KEPT',
      `The table holds the distances for ${table.onlyFor} only, and ${distanceWeightingMethod} was asked for.`,
      { hint: 'Sweep again and keep all distances.' },
    )
  const metrics = table.layers.map(({ candidates }) => ({
    bits: candidates.map(({ bits }) => bits),
    values: candidates.map(({ points, outputs, losses }) =>
      weigh(distanceWeightingMethod, points, outputs, {
        sigma: expDistanceWeightingSigma,
        outputLosses: losses,
        ...(hessianScores && { hessianScores }),
      }),
    ),
  }))
  const rows = normalizeMetrics(metrics, options)
  return table.layers.map(({ node }, i) => ({ node, values: rows[i]! }))
}

export interface SamplesNeededOptions
  extends Pick<SensitivityOptions, 'distanceWeightingMethod' | 'expDistanceWeightingSigma'> {
  /** Standard error of a sensitivity, as a share of it. Default 0.1: one bit less costs about four times as much. */
  readonly tolerance?: number
}

/**
 * How many samples bring the standard error of the typical candidate's sensitivity (the median over all of them) down to the tolerance,
 * as far as those of the table tell (Stein's two-stage sampling, 1945). At least those of the table.
 * Candidates whose sensitivity is 0 or not finite count nothing. HESSIAN, whose scores are another matter, is taken for AVG.
 */
export function samplesNeeded(table: SensitivityTable, options: SamplesNeededOptions = {}): number {
  const { distanceWeightingMethod: method = 'AVG', expDistanceWeightingSigma: sigma = 0.1, tolerance = 0.1 } = options
  const { samples } = table
  const needed = table.layers
    .flatMap(({ candidates }) => candidates)
    .flatMap(({ points, outputs, losses }) => {
      const each = Array.from({ length: samples }, (_, i) => {
        const of = (rows: readonly (readonly number[])[]) => rows.map((row) => [row[i]!])
        return weigh(method === 'HESSIAN' ? 'AVG' : method, of(points), of(outputs), {
          sigma,
          outputLosses: of(losses),
        })
      })
      const mean = each.reduce((sum, x) => sum + x, 0) / samples
      const variance = each.reduce((sum, x) => sum + (x - mean) ** 2, 0) / Math.max(1, samples - 1)
      const count = variance > 0 ? variance / (tolerance * mean) ** 2 : 0
      return mean > 0 && Number.isFinite(count) ? [count] : []
    })
    .sort((a, b) => a - b)
  return Math.max(samples, Math.ceil(needed[needed.length >> 1] ?? 0))
}
