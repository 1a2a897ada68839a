import { withSession } from '@mixbit/adapter'
import { type Tensor, toF32 } from '@mixbit/graph'
import { interestPoints } from '@mixbit/sensitivity'
import type { Job } from '../job.ts'
import { breathe, checkAborted } from '../progress.ts'
import { type Look, seedOf } from './moments.ts'

/** Share of the places that all samples get alike. */
const alike = 0.25

/**
 * Where each sample is looked at, and how often: more where the float model is unsure. An error changes the output loss by the
 * curvature of KL there, 1 - sum p^2 of the class probabilities p in trace, so what is certain hardly counts. Models without
 * logits or probabilities among their outputs look at all samples alike.
 */
export async function looksAt(
  { adapter, prepared, signal }: Pick<Job, 'adapter' | 'prepared' | 'signal'>,
  samples: Job['samples'],
): Promise<Look[]> {
  const outputs = interestPoints(prepared).outputs.filter(({ loss }) => loss)
  const doubts = samples.map(() => 0)
  if (outputs.length > 0)
    await withSession(
      adapter,
      prepared,
      outputs.map(({ value }) => value),
      async (session) => {
        for (const [i, sample] of samples.entries()) {
          checkAborted(signal)
          const results = await session.run(sample)
          for (const { value, loss } of outputs) doubts[i]! += doubtOf(results.get(value)!, loss === 'klLogits')
          await breathe()
        }
      },
    )
  const mean = doubts.reduce((sum, doubt) => sum + doubt, 0) / samples.length
  const weightOf = (doubt: number) => (mean > 0 ? alike + ((1 - alike) * doubt) / mean : 1)
  return samples.map((sample, i) => ({ seed: seedOf(sample), weight: weightOf(doubts[i]!) }))
}

/** Mean over rows of 1 - sum p^2, of logits or probabilities along the last axis. */
function doubtOf(tensor: Tensor, logits: boolean): number {
  const data = toF32(tensor)
  const width = tensor.shape.at(-1) ?? 1
  let sum = 0
  for (let at = 0; at < data.length; at += width) {
    const row = data.subarray(at, at + width)
    const top = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
    const weights = Float64Array.from(row, (x) => (logits ? Math.exp(x - top) : Math.max(0, x)))
    const total = weights.reduce((a, b) => a + b, 0)
    if (total > 0) sum += 1 - weights.reduce((squares, p) => squares + (p / total) ** 2, 0)
  }
  return (sum * width) / Math.max(1, data.length)
}
