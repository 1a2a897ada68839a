import type { Histogram } from '@mixbit/quantizers'
import { fakeQuantize, symmetricGrid } from '@mixbit/quantizers'

export interface NegativeShiftOptions {
  /** The least value of the activation. */
  readonly min: number
  /** Of its symmetric grid, and the bits of that. */
  readonly threshold: number
  readonly bits: number
  /** How large |min| / threshold may be. */
  readonly ratio: number
}

/**
 * What to add to an activation so that an unsigned grid of the same threshold serves: the least point of that grid (step
 * threshold / 2^bits) that is not below |min|. Null where nothing is negative, the negative part is too large for its
 * waste to matter, or no point of the grid reaches so far. Source: MCT.
 */
export function negativeShift({ min, threshold, bits, ratio }: NegativeShiftOptions): number | null {
  if (!(min < 0) || -min / threshold > ratio) return null
  const step = threshold / 2 ** bits
  let k = Math.ceil(-min / step)
  // As float32, which the graph adds, the point may have been rounded down.
  if (Math.fround(k * step) < -min) k++
  return k < 2 ** bits ? Math.fround(k * step) : null
}

/**
 * Shift and threshold (the given one or twice that) with the least mean squared error on the unsigned grid; the shift is one of its
 * points. Larger shifts than |min| round the same and clip more, so they are not tried. Source: MCT's shiftNegativeParamsSearch.
 */
export function searchShift(
  histogram: Histogram,
  { min, threshold, bits }: Pick<NegativeShiftOptions, 'min' | 'threshold' | 'bits'>,
): { readonly shift: number; readonly threshold: number } {
  const { edges, counts } = histogram
  const filled = Array.from(counts.keys()).filter((i) => counts[i]! > 0)
  const centres = filled.map((i) => (edges[i]! + edges[i + 1]!) / 2)
  let best = { shift: 0, threshold, error: Number.POSITIVE_INFINITY }
  for (const t of [threshold, 2 * threshold]) {
    const grid = symmetricGrid({ threshold: t, bits, signed: false })
    const step = t / 2 ** bits
    for (let k = 0; k <= Math.min(Math.ceil(-min / step), 2 ** bits - 1); k++) {
      const shifted = Float32Array.from(centres, (x) => x + k * step)
      const on = fakeQuantize(shifted, [shifted.length], grid)
      const error = filled.reduce((sum, bin, i) => sum + counts[bin]! * (on[i]! - shifted[i]!) ** 2, 0)
      if (error < best.error) best = { shift: Math.fround(k * step), threshold: t, error }
    }
  }
  return best
}
