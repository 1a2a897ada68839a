import type { Job } from './job.ts'

/** Fewer samples are not parted. */
const fewest = 16

/**
 * Rounding is fitted to its samples, so a loss on these flatters whatever was fitted most: every fourth sample is kept for measuring, and
 * the others are fitted to. The model that is written is fitted to all of them.
 */
export function parted(job: Job): { readonly fitted: Job; readonly measuring: Job } {
  const { samples, config } = job
  if (config.quantizationConfig.weightsRounding === 'nearest' || samples.length < fewest)
    return { fitted: job, measuring: job }
  const part = (kept: boolean) => ({ ...job, samples: samples.filter((_, i) => (i % 4 === 3) === kept) })
  return { fitted: part(false), measuring: part(true) }
}
