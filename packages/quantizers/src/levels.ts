/** The levels of a grid for rounding: `middles[i]` lies between levels i and i + 1, in units of the scale. */
export interface Levels {
  /** Ascending. */
  readonly levels: Float32Array
  readonly middles: Float32Array
}

/** Grids of integers times a scale: all integers of the width, the odd ones around zero, -1, 0, 1, or a table of fitted ones. */
export type TableScheme =
  | 'symmetric'
  | 'powerOfTwo'
  | 'midRise'
  | 'ternary'
  | 'kMeans'
  | 'lutSymmetric'
  | 'lutPowerOfTwo'

/**
 * The levels of a scheme without a fitted table, ascending: symmetric and power of two -2^(b-1) .. 2^(b-1) - 1 (one bit:
 * -1, 0), mid-rise the odd integers from -(2^b - 1) to 2^b - 1, ternary -1, 0, 1.
 */
export function levelsOf(scheme: TableScheme, bits: number): number[] {
  if (scheme === 'ternary') return [-1, 0, 1]
  return Array.from({ length: 2 ** bits }, (_, i) =>
    scheme === 'midRise' ? 2 * i - 2 ** bits + 1 : i - 2 ** (bits - 1),
  )
}

/** Index of the level nearest to v, in units of the scale; ties go to the lower level. */
export function nearestLevel(v: number, middles: Float32Array): number {
  if (middles.length > fewMiddles) return nearGuess(v, middles)
  let low = 0
  let high = middles.length
  while (low < high) {
    const at = (low + high) >> 1
    if (middles[at]! < v) low = at + 1
    else high = at
  }
  return low
}

/** Up to so many middles are searched by halving. */
const fewMiddles = 16

/** Many levels are equally spaced: a guess that they are, then steps to where v belongs. */
function nearGuess(v: number, middles: Float32Array): number {
  const last = middles.length - 1
  const guess = Math.ceil(((v - middles[0]!) / (middles[last]! - middles[0]!)) * last)
  let at = guess > 0 ? Math.min(guess, last + 1) : 0
  while (at <= last && middles[at]! < v) at++
  while (at > 0 && middles[at - 1]! >= v) at--
  return at
}

/** Levels with the middles between them, for rounding. */
export const withMiddles = (levels: ArrayLike<number>): Levels => ({
  levels: Float32Array.from(levels),
  middles: Float32Array.from({ length: levels.length - 1 }, (_, i) => (levels[i]! + levels[i + 1]!) / 2),
})

/** Bins of the histogram that k-means works on. */
const bins = 2048
const mostTurns = 40

/**
 * The 2^bits levels in -127 .. 127 that fit numbers in [-1, 1] best in the weighted mean square: k-means in one dimension
 * on a histogram, from quantiles, until it stands. `withZero` moves the level nearest to 0 there (MCT). Equal levels become
 * one. Deterministic.
 */
export function kMeansLevels(values: Float32Array, weights: Float32Array, bits: number, withZero = false): number[] {
  const mass = new Float64Array(bins)
  const moment = new Float64Array(bins)
  for (let i = 0; i < values.length; i++) {
    const bin = Math.min(bins - 1, Math.max(0, Math.floor(((values[i]! + 1) / 2) * bins)))
    mass[bin]! += weights[i]!
    moment[bin]! += weights[i]! * values[i]!
  }
  let centers = quantiles(mass, 2 ** bits)
  for (let turn = 0; turn < mostTurns; turn++) {
    const next = meansAround(centers, mass, moment)
    const moved = next.some((c, i) => Math.abs(c - centers[i]!) > 1e-5)
    centers = next
    if (!moved) break
  }
  const levels = centers.map((c) => Math.max(-127, Math.min(127, Math.round(c * 127))))
  if (withZero) levels[levels.indexOf(levels.reduce((a, b) => (Math.abs(b) < Math.abs(a) ? b : a)))] = 0
  return [...new Set(levels)].sort((a, b) => a - b)
}

/** Middles of `count` parts of equal mass. */
function quantiles(mass: Float64Array, count: number): number[] {
  const total = mass.reduce((sum, m) => sum + m, 0)
  const centers: number[] = []
  let sum = 0
  for (let bin = 0; bin < bins && centers.length < count; bin++) {
    sum += mass[bin]!
    while (centers.length < count && sum >= (total * (centers.length + 0.5)) / count)
      centers.push((2 * bin + 1) / bins - 1)
  }
  return centers
}

/** The mean of what is nearest to each center; a center with nothing stays. */
function meansAround(centers: readonly number[], mass: Float64Array, moment: Float64Array): number[] {
  const sums = centers.map(() => 0)
  const moments = centers.map(() => 0)
  let k = 0
  for (let bin = 0; bin < bins; bin++) {
    const x = (2 * bin + 1) / bins - 1
    while (k + 1 < centers.length && x > (centers[k]! + centers[k + 1]!) / 2) k++
    sums[k]! += mass[bin]!
    moments[k]! += moment[bin]!
  }
  return centers.map((c, i) => (sums[i]! > 0 ? moments[i]! / sums[i]! : c))
}
