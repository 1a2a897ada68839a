import { frontier } from '@mixbit/solver'
import { fileBytes, fixedFileBytes } from './artifact.ts'
import { itemsOf, type Scores } from './assign.ts'
import type { Layer } from './candidates.ts'
import { type JobOptions, startJob } from './job.ts'
import { floatSizes } from './limits.ts'
import { type Measured, measure } from './measure.ts'

/** One point of the curve of budget against sensitivity. */
export interface FrontierPoint {
  readonly weightsMemory: number
  readonly sensitivity: number
  /** Bits of every layer, in the order of the layers. */
  readonly bits: readonly number[]
}

export interface Analysis {
  readonly layers: readonly Layer[]
  readonly table: Measured['table']
  /** Sensitivity of every candidate, in the order of the layers and their candidates. */
  readonly scores: Scores
  readonly frontier: readonly FrontierPoint[]
  readonly floatWeightsMemory: number
}

/** Measures the sensitivity of every candidate and what every budget would buy, without choosing or writing. */
export async function analyze<Source, Artifact>(
  source: Source,
  options: JobOptions<Source, Artifact>,
): Promise<Analysis> {
  const job = await startJob(source, options)
  const { table, scores } = await measure(job, { layers: job.layers, activations: [] })
  const points = await frontier({
    items: itemsOf({
      layers: job.layers,
      activations: [],
      scores,
      budget: { weightsMemory: Number.POSITIVE_INFINITY },
    }),
    budgets: [{ name: 'weightsMemory', limit: Number.POSITIVE_INFINITY }],
  })
  return {
    layers: job.layers,
    table,
    scores: scores.weights,
    frontier: points.map(({ cost, loss, choice }) => ({
      weightsMemory: cost,
      sensitivity: loss,
      bits: choice.map((c, i) => job.layers[i]!.candidates[c]!.bits),
    })),
    floatWeightsMemory: (await floatSizes(job)).weightsMemory,
  }
}

/** Bytes of a model at one bit-width everywhere. */
export interface ResourceUtilizationData {
  readonly float: { readonly weightsMemory: number; readonly fileSize: number | null }
  /** By bit-width; layers that lack it take their next wider one. */
  readonly byBits: Readonly<Record<string, { readonly weightsMemory: number; readonly fileSize: number | null }>>
}

/** What the model would cost at each single bit-width: needs no data and no run. */
export async function resourceUtilizationData<Source, Artifact>(
  source: Source,
  options: JobOptions<Source, Artifact>,
): Promise<ResourceUtilizationData> {
  const job = await startJob(source, options, false)
  const fixed = await fixedFileBytes(job, { activations: [], inputMeans: new Map() })
  const widths = [...new Set(job.layers.flatMap((layer) => layer.candidates.map((c) => c.bits)))].sort((a, b) => b - a)
  return {
    float: await floatSizes(job),
    byBits: Object.fromEntries(
      widths.map((bits) => {
        const weights = job.layers.map(
          (layer) => layer.candidates.findLast((c) => c.bits >= bits) ?? layer.candidates[0]!,
        )
        return [
          bits,
          {
            weightsMemory: weights.reduce((sum, c) => sum + c.weightsBytes, 0),
            fileSize: fixed === null ? null : fixed + fileBytes(job, { weights, activations: [] }),
          },
        ]
      }),
    ),
  }
}
