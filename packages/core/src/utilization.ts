import { activationMemory } from './activation-memory.ts'
import type { Assignment } from './apply.ts'
import { bopsOf } from './bops.ts'
import type { FloatSizes, Measures } from './limits.ts'

/** Bytes and bit operations of a model; null where they were not measured, and the file of an adapter that cannot write. */
export interface Utilization extends FloatSizes {
  readonly activationMemory: number | null
  readonly totalMemory: number | null
  readonly bops: number | null
}

/** What an assignment costs. */
export function utilizationOf(
  { weights, activations }: Assignment,
  files: Pick<FloatSizes, 'fileSize' | 'transferSize'>,
  { cuts, bops }: Measures,
): Utilization {
  const weightsMemory = weights.reduce((sum, candidate) => sum + candidate.weightsBytes, 0)
  const [weightBits, activationBits] = [weights.map(({ bits }) => bits), activations.map(({ bits }) => bits)]
  const memory = cuts && activationMemory(cuts, activationBits)
  return {
    weightsMemory,
    ...files,
    activationMemory: memory,
    totalMemory: memory === null ? null : weightsMemory + memory,
    bops: bops && bopsOf(bops, weightBits, activationBits),
  }
}

/** What the float model costs, with weights and activations of 32 bits. */
export function floatUtilization(sizes: FloatSizes, { cuts, bops }: Measures): Utilization {
  const memory = cuts && activationMemory(cuts, new Array(cuts[0]?.elements.length ?? 0).fill(32))
  return {
    ...sizes,
    activationMemory: memory,
    totalMemory: memory === null ? null : sizes.weightsMemory + memory,
    bops: bops && 32 * 32 * bops.macs.reduce((sum, count) => sum + count, 0),
  }
}
