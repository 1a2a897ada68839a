import type { Candidates, Kernel } from './kernel.ts'
import { roundHalfEven } from './round.ts'
import type { Candidate } from './search.ts'

/**
 * What a search minimizes between x and its quantized value, as MCT names them: nothing (the grid just covers the
 * data), mean square, mean absolute, mean |x - q|^p, or the divergence of the histograms.
 */
export type ErrorMethod = 'NOCLIPPING' | 'MSE' | 'MAE' | 'LP' | 'KL'

/** The error of each candidate grid on one run of numbers; only the order matters. */
export type Evaluate = (candidates: Candidates) => Float64Array

/** Numbers with weights: the elements of a channel, or the bins of a histogram. */
export interface Points {
  readonly x: Float32Array | Float64Array
  /** Left out: all 1. */
  readonly weight?: Float64Array
  /** Width of the bins that the points stand for; default 0, points. */
  readonly width?: number
}

/** The sum of (x - q)^2 by the kernel. */
export const squaredError =
  (kernel: Kernel, x: Float32Array): Evaluate =>
  (candidates) => {
    const sums = kernel.errors(x, candidates)
    for (let k = 0; k < sums.length; k++) sums[k]! *= candidates.scale[k]! * candidates.scale[k]!
    return sums
  }

/**
 * The weighted sum of |x - q|^p. Where the step is not wider than two bins, rounding the middle of a bin says nothing
 * about the values in it, so the mean rounding error of a uniform density, (step / 2)^p / (p + 1), stands for it.
 */
export const powerError =
  ({ x, weight, width = 0 }: Points, p: number): Evaluate =>
  ({ scale, lo, hi }) =>
    Float64Array.from(scale, (s, k) => powerSum({ x, weight, width }, p, { scale: s, lo: lo[k]!, hi: hi[k]! }))

function powerSum({ x, weight, width = 0 }: Points, p: number, { scale, lo, hi }: Candidate): number {
  const inverse = 1 / scale
  const even = scale <= 2 * width ? 0.5 ** p / (p + 1) : -1
  let sum = 0
  for (let i = 0; i < x.length; i++) {
    const v = x[i]! * inverse
    const q = v < lo ? lo : v > hi ? hi : roundHalfEven(v)
    const d = v < q ? q - v : v - q
    const term = even >= 0 && d <= 0.5 ? even : p === 1 ? d : p === 2 ? d * d : d ** p
    sum += weight ? weight[i]! * term : term
  }
  return sum * scale ** p
}

/** The evaluation of a method on points. LP with p = 2 is MSE, with p = 1 MAE. */
export function pointError(points: Points, method: Exclude<ErrorMethod, 'NOCLIPPING' | 'KL'>, lp: number): Evaluate {
  return powerError(points, method === 'MSE' ? 2 : method === 'MAE' ? 1 : lp)
}
