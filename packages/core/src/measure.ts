import type { Tensor, ValueId } from '@mixbit/graph'
import {
  customSweep,
  hessianScores,
  MpDistanceWeighting,
  type SensitivityTable,
  type SweepLayer,
  sensitivities,
  sweep,
} from '@mixbit/sensitivity'
import type { Scores } from './assign.ts'
import { quantizedValue } from './candidates.ts'
import { type FullConfig, onlyForOf } from './config.ts'
import { contentKey } from './content-key.ts'
import type { Job } from './job.ts'

/** What the sweep measured: all raw distances, or one number per candidate when a custom metric was used. */
export interface Measured {
  readonly table: SensitivityTable | null
  readonly scores: Scores
  /** One per interest point of the table; null unless HESSIAN was asked for. */
  readonly hessianScores: readonly number[] | null
}

/** Measures every candidate of every layer with everything else float; see the page on the sweep for what it costs. */
export async function measure(job: Job): Promise<Measured> {
  const { adapter, prepared: graph, config, samples: all, onProgress, signal, checkpoint } = job
  const { computeDistanceFn, customMetricFn, numInterestPointsFactor, memoryLimit, numOfImages } =
    config.mixedPrecisionConfig
  const samples = all.slice(0, numOfImages)
  const layers: SweepLayer[] = job.layers.map((layer) => ({
    node: layer.node,
    values: layer.weights,
    candidates: layer.candidates.map(({ bits, grids }) => ({
      label: `w${bits}`,
      bits,
      quantized: (): ReadonlyMap<ValueId, Tensor> =>
        new Map(grids.map((grid) => [grid.value, quantizedValue(graph, grid).tensor as Tensor])),
    })),
  }))
  const common = {
    adapter,
    graph,
    layers,
    signal,
    checkpoint,
    key: await contentKey(job, samples),
    onProgress: (event: { done: number; total: number; layer?: string; remainingMs?: number }) =>
      onProgress?.({
        stage: 'sensitivity',
        done: event.done,
        total: event.total,
        message: event.layer,
        remainingMs: event.remainingMs,
      }),
  }
  if (typeof customMetricFn === 'function') {
    const rows = await customSweep({ ...common, customMetricFn })
    return { table: null, scores: rows.map((row) => row.values), hessianScores: null }
  }
  const table = await sweep({
    ...common,
    samples,
    numInterestPointsFactor,
    memoryLimitBytes: memoryLimit,
    computeDistanceFn,
    onlyFor: onlyForOf(config),
  })
  const hessian = config.mixedPrecisionConfig.distanceWeightingMethod === 'HESSIAN' ? await hessianOf(job, table) : null
  return { table, scores: scoresOf(table, config, hessian), hessianScores: hessian }
}

/** The scores of HESSIAN at the points of a table. */
export async function hessianOf(job: Job, { points }: SensitivityTable): Promise<readonly number[]> {
  const { adapter, prepared: graph, samples, config, onProgress, signal } = job
  const { hessianBatchSize, memoryLimit } = config.mixedPrecisionConfig
  const scores = await hessianScores({
    adapter,
    graph,
    points,
    samples: samples.slice(0, hessianBatchSize),
    memoryLimitBytes: memoryLimit,
    onProgress: (event) => onProgress?.({ stage: 'sensitivity', ...event, message: 'HESSIAN' }),
    signal,
  })
  return scores.map(({ score }) => score)
}

/** Distances to one number per candidate; another weighting needs no new run. */
export function scoresOf(
  table: SensitivityTable,
  config: FullConfig,
  hessian: readonly number[] | null = null,
): Scores {
  const {
    distanceWeightingMethod,
    metricNormalization,
    metricEpsilon,
    metricNormalizationThreshold,
    expDistanceWeightingSigma,
  } = config.mixedPrecisionConfig
  return sensitivities(table, {
    distanceWeightingMethod: MpDistanceWeighting[distanceWeightingMethod],
    metricNormalization,
    metricEpsilon,
    metricNormalizationThreshold,
    expDistanceWeightingSigma,
    ...(hessian && { hessianScores: hessian }),
  }).map((row) => row.values)
}
