import type { NodeId } from '@mixbit/graph'
import { bopsMeasure, liveCuts } from './activation-memory.ts'
import { writtenBytes } from './artifact.ts'
import { type JobOptions, startJob } from './job.ts'
import { floatSizes } from './limits.ts'
import { observe } from './observe.ts'
import { floatUtilization, type Utilization, utilizationOf } from './utilization.ts'

/** What a model costs at one bit-width everywhere. */
export interface ResourceUtilizationData {
  readonly float: Utilization
  /** By bit-width; layers and activations that lack it take their next wider one, and what the target leaves in float stays so. */
  readonly byBits: Readonly<Record<string, Utilization>>
}

/**
 * What the model would cost in every resource at each single bit-width, without a search. One sample of the representative dataset gives
 * the shapes that activations and bit operations depend on; without it these are null. Files are those of nearest rounding.
 * @throws MixbitError as `quantize` for the model, the options and the data.
 */
export async function resourceUtilizationData<Source, Artifact>(
  source: Source,
  options: JobOptions<Source, Artifact>,
): Promise<ResourceUtilizationData> {
  const { representativeDataset: data } = options
  // Rounding so that errors compensate changes no size but that of tables of levels, and it needs all samples.
  const quantizationConfig = { ...options.coreConfig?.quantizationConfig, weightsRounding: 'nearest' as const }
  const nearest = { ...options, coreConfig: { ...options.coreConfig, quantizationConfig } }
  const job = await startJob(source, data ? { ...nearest, representativeDataset: data.slice(0, 1) } : nearest, !!data)
  const observed = data ? await observe(job, true) : { activations: [], inputMeans: new Map<NodeId, Float64Array>() }
  const { layers } = job
  const { activations } = observed
  const measures = {
    cuts: data ? await liveCuts(job, activations) : null,
    bops: data ? await bopsMeasure(job, activations) : null,
  }
  const rows = [...layers, ...activations].flatMap(({ candidates }) => candidates.map(({ bits }) => bits))
  const widths = [...new Set(rows)].sort((a, b) => b - a)
  const byBits: Record<string, Utilization> = {}
  for (const bits of widths) {
    const at = <C extends { readonly bits: number }>({ candidates }: { readonly candidates: readonly C[] }): C =>
      candidates.findLast((candidate) => candidate.bits >= bits) ?? candidates[0]!
    const assignment = { weights: layers.map((layer) => at(layer)), activations: activations.map((one) => at(one)) }
    const fileSize = await writtenBytes(job, observed, assignment)
    byBits[bits] = utilizationOf(assignment, { fileSize, transferSize: null }, measures)
  }
  return { float: floatUtilization(await floatSizes(job), measures), byBits }
}
