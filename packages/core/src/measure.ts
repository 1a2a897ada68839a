import { type Graph, replaceValues, type Tensor, toF32 } from '@mixbit/graph'
import { fakeQuantize } from '@mixbit/quantizers'
import {
  customSweep,
  hessianScores,
  MpDistanceWeighting,
  type SensitivityTable,
  type SweepCandidate,
  type SweepLayer,
  samplesNeeded,
  sensitivities,
  sweep,
} from '@mixbit/sensitivity'
import { quantizeActivations } from './activations.ts'
import { freedom, type Search } from './assign.ts'
import { type Layer, quantizedValue } from './candidates.ts'
import { type FullConfig, onlyForOf } from './config.ts'
import { contentKey } from './content-key.ts'
import type { Job } from './job.ts'
import type { Resource } from './limits.ts'
import type { Interactions } from './neighbourhood/interactions.ts'
import type { Activation } from './observe.ts'
import type { ObservedModel } from './observed-model.ts'

/** What the sweep measured: all raw distances, or one number per candidate when a custom metric was used. */
export interface Measured {
  readonly table: SensitivityTable | null
  readonly scores: Search['scores']
  /** One per interest point of the table; null unless HESSIAN was asked for. */
  readonly hessianScores: readonly number[] | null
  /** How the errors of different rows add up; absent until they are measured. */
  readonly interactions?: Interactions
}

/** What is measured: the weights of layers, activations, or both. */
export interface Measurand {
  readonly layers: readonly Layer[]
  readonly activations: readonly Activation[]
}

/** What budgets on these resources leave free is measured. */
export function measurandFor(
  { job: { layers }, observed: { activations } }: Pick<ObservedModel, 'job' | 'observed'>,
  resources: readonly Resource[],
): Measurand {
  const free = freedom(Object.fromEntries(resources.map((name) => [name, 1])))
  return { layers: free.weights ? layers : [], activations: free.activations ? activations : [] }
}

/** A row of either sweep: the tensors of its candidates, and the whole model with one of them. */
interface Row extends SweepLayer {
  readonly candidates: readonly (SweepCandidate & { graph(): Graph })[]
}

/** What a sweep over a measurand is given. */
export async function sweepOptions(job: Job, measurand: Measurand) {
  const { adapter, prepared: graph, config, samples: all, onProgress, signal, checkpoint } = job
  const { computeDistanceFn, outputLossFn, numInterestPointsFactor, memoryLimit, numOfImages } =
    config.mixedPrecisionConfig
  const samples = all.slice(0, numOfImages)
  const ofWeights = measurand.layers.map(
    (layer): Row => ({
      node: layer.node,
      values: layer.weights,
      candidates: layer.candidates.map(({ bits, grids }) => {
        const weights = () => new Map(grids.map((grid) => [grid.value, quantizedValue(graph, grid)]))
        return {
          label: `w${bits}`,
          bits,
          quantized: () => new Map([...weights()].map(([id, { tensor }]) => [id, tensor as Tensor])),
          graph: () => replaceValues(graph, weights()),
        }
      }),
    }),
  )
  const ofActivations = measurand.activations.map(
    ({ value, candidates }): Row => ({
      node: value,
      values: [value],
      candidates: candidates.map(({ bits, grid }) => ({
        label: `a${bits}`,
        bits,
        quantized: (float) => {
          const tensor = float.get(value)!
          return new Map([[value, { ...tensor, data: fakeQuantize(toF32(tensor), tensor.shape, grid) }]])
        },
        graph: () => quantizeActivations(graph, new Map([[value, grid]])),
      })),
    }),
  )
  const layers = [...ofWeights, ...ofActivations]
  return {
    samples,
    numInterestPointsFactor,
    memoryLimitBytes: memoryLimit,
    computeDistanceFn,
    outputLossFn,
    onlyFor: onlyForOf(config),
    adapter,
    graph,
    layers,
    signal,
    checkpoint,
    key: await contentKey(job, measurand, samples),
    onProgress: (event: { done: number; total: number; layer?: string; remainingMs?: number }) =>
      onProgress?.({
        stage: 'sensitivity',
        done: event.done,
        total: event.total,
        message: event.layer,
        remainingMs: event.remainingMs,
      }),
  }
}

/** Measures every candidate with everything else float; see the page on the pipeline for what it costs. */
export async function measure(job: Job, measurand: Measurand): Promise<Measured> {
  const { config } = job
  const { customMetricFn } = config.mixedPrecisionConfig
  const options = await sweepOptions(job, measurand)
  if (typeof customMetricFn === 'function') {
    const rows = (await customSweep({ ...options, customMetricFn })).map(({ values }) => values)
    return { table: null, scores: scoresPerKind(rows, measurand), hessianScores: null }
  }
  const { sensitivityTolerance } = config.mixedPrecisionConfig
  const table = await sweep({
    ...options,
    enough: sensitivityTolerance > 0 ? (firstLook) => samplesFor(config, firstLook) : undefined,
  })
  const hessian = ['HESSIAN', 'BEST'].includes(config.mixedPrecisionConfig.distanceWeightingMethod)
    ? await hessianOf(job, table)
    : null
  return { table, scores: scoresOf(table, measurand, config, hessian), hessianScores: hessian }
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

/** The config with another weighting. */
export const withMethod = (
  config: FullConfig,
  distanceWeightingMethod: keyof typeof MpDistanceWeighting,
): FullConfig => ({
  ...config,
  mixedPrecisionConfig: { ...config.mixedPrecisionConfig, distanceWeightingMethod },
})

/** Samples that the sensitivity takes, as far as a table tells. */
export const samplesFor = ({ mixedPrecisionConfig }: FullConfig, table: SensitivityTable): number => {
  const { distanceWeightingMethod: method, sensitivityTolerance, expDistanceWeightingSigma } = mixedPrecisionConfig
  return samplesNeeded(table, {
    distanceWeightingMethod: weighed(method),
    expDistanceWeightingSigma,
    tolerance: sensitivityTolerance,
  })
}

/** The weighting that the sweep is read with: which one is BEST shows only later, when all of them have chosen. */
const weighed = (method: FullConfig['mixedPrecisionConfig']['distanceWeightingMethod']): MpDistanceWeighting =>
  MpDistanceWeighting[method === 'BEST' ? 'AVG' : method]

/** Distances to one number per candidate; another weighting needs no new run. */
export function scoresOf(
  table: SensitivityTable,
  measurand: Measurand,
  config: FullConfig,
  hessian: readonly number[] | null = null,
): Search['scores'] {
  const {
    distanceWeightingMethod,
    metricNormalization,
    metricEpsilon,
    metricNormalizationThreshold,
    expDistanceWeightingSigma,
  } = config.mixedPrecisionConfig
  const rows = sensitivities(table, {
    distanceWeightingMethod: weighed(distanceWeightingMethod),
    metricNormalization,
    metricEpsilon,
    metricNormalizationThreshold,
    expDistanceWeightingSigma,
    ...(hessian && { hessianScores: hessian }),
  }).map((row) => row.values)
  return scoresPerKind(rows, measurand)
}

/** Rows of the sweep as it takes them: weights first, then activations. */
const scoresPerKind = (rows: readonly (readonly number[])[], { layers }: Measurand): Search['scores'] => ({
  weights: rows.slice(0, layers.length),
  activations: rows.slice(layers.length),
})
