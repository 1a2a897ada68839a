import type { Evaluate } from './error-method.ts'
import type { Histogram } from './histogram.ts'
import { roundHalfEven } from './round.ts'
import type { Candidate } from './search.ts'

/** Share that empty bins get in `smooth`. */
const epsilon = 1e-4

/**
 * Takes `epsilon` of a count from the occupied bins (relative to the mean bin) and gives it to the empty ones, so that
 * every logarithm below is finite; returns shares that add up to 1.
 */
function smooth(counts: Float64Array): Float64Array {
  let total = 0
  for (const c of counts) total += c
  const floor = epsilon / counts.length
  return counts.map((c) => (c / total) * (1 - epsilon) + floor)
}

/**
 * Kullback-Leibler divergence of a histogram from its quantized self, both smoothed. Quantizing gathers the counts of
 * all bins of one grid point (values beyond the grid go to its ends); the counts are then spread evenly over the
 * occupied bins within half a step of that grid point. Merging unlike bins and clipping both cost.
 */
export function klError({ edges, counts }: Histogram): Evaluate {
  const centers = counts.map((_, i) => (edges[i]! + edges[i + 1]!) / 2)
  const p = smooth(counts)
  return ({ scale, lo, hi }) =>
    Float64Array.from(scale, (s, k) =>
      divergence(p, smooth(spread(centers, counts, { scale: s, lo: lo[k]!, hi: hi[k]! }))),
    )
}

function divergence(p: Float64Array, q: Float64Array): number {
  let sum = 0
  for (let i = 0; i < p.length; i++) sum += p[i]! * Math.log(p[i]! / q[i]!)
  return sum
}

/** The counts after quantizing, spread over the bins that a grid point stands for. */
function spread(centers: Float64Array, counts: Float64Array, { scale, lo, hi }: Candidate): Float64Array {
  const mass = new Float64Array(hi - lo + 1)
  const room = new Float64Array(hi - lo + 1)
  const level = new Int32Array(counts.length)
  const near = new Uint8Array(counts.length)
  for (let i = 0; i < counts.length; i++) {
    if (counts[i] === 0) continue
    const v = centers[i]! / scale
    const q = roundHalfEven(Math.max(lo, Math.min(hi, v)))
    level[i] = q - lo
    near[i] = Math.abs(v - q) <= 0.5 ? 1 : 0
    mass[q - lo] = mass[q - lo]! + counts[i]!
    room[q - lo] = room[q - lo]! + near[i]!
  }
  const result = new Float64Array(counts.length)
  for (let i = 0; i < counts.length; i++) if (near[i]) result[i] = mass[level[i]!]! / room[level[i]!]!
  // An end of the grid that holds only clipped values keeps them in the bin nearest to it.
  for (const end of [lo, hi])
    if (mass[end - lo]! > 0 && room[end - lo] === 0) {
      const at = nearestBin(centers, end * scale)
      result[at] = result[at]! + mass[end - lo]!
    }
  return result
}

function nearestBin(centers: Float64Array, x: number): number {
  const first = centers[0]!
  const width = centers.length > 1 ? centers[1]! - first : 1
  return Math.min(centers.length - 1, Math.max(0, Math.round((x - first) / width)))
}
