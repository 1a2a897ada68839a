// Design: MCT keeps one histogram per batch and interpolates when it merges them, so memory grows with the data and the
// result depends on how the data was cut into batches. Here bin edges are whole multiples of a power of two, the same
// for everybody. When the range outgrows the bins, neighbours are joined and the width doubles: a sum of counts, no
// interpolation. The result is the histogram of all values, whatever the batches and their order; memory is bounded.
import { MixbitError } from '@mixbit/graph'
import type { Histogram } from './histogram.ts'
import { type Observer, refuseNaN } from './observer.ts'

/** Bin i counts the values in [(first + i) * 2^exponent, (first + i + 1) * 2^exponent). Without values: no counts. */
export interface HistogramState {
  readonly exponent: number
  readonly first: number
  readonly counts: Float64Array
  readonly min: number
  readonly max: number
}

const empty: HistogramState = {
  exponent: -Infinity,
  first: 0,
  counts: new Float64Array(0),
  min: Infinity,
  max: -Infinity,
}

/** The least exponent at which [min, max] fits in `capacity` bins; it never shrinks when the range grows. */
function exponentFor(min: number, max: number, capacity: number): number {
  const reach = Math.max(Math.abs(min), Math.abs(max))
  // 2^-24 of the largest value is what float32 can tell apart; below 2^-120 all is 0.
  let exponent = Math.max(-120, reach > 0 ? Math.ceil(Math.log2(reach)) - 24 : -120)
  while (Math.floor(max * 2 ** -exponent) - Math.floor(min * 2 ** -exponent) >= capacity) exponent++
  return exponent
}

/** Adds the counts of a state to bins of a width at least as large. */
function pour(from: HistogramState, exponent: number, first: number, counts: Float64Array): void {
  const added = from.counts
  const ratio = 2 ** (from.exponent - exponent)
  const offset = from.first - first
  if (ratio === 1) for (let i = 0; i < added.length; i++) counts[offset + i]! += added[i]!
  else for (let i = 0; i < added.length; i++) counts[Math.floor((from.first + i) * ratio) - first]! += added[i]!
}

function bins(min: number, max: number, capacity: number): { exponent: number; first: number; counts: Float64Array } {
  const exponent = exponentFor(min, max, capacity)
  const first = Math.floor(min * 2 ** -exponent)
  return { exponent, first, counts: new Float64Array(Math.floor(max * 2 ** -exponent) - first + 1) }
}

/**
 * Counts all finite values in at least `bins` (default 2048), at most twice as many, equal bins across their range (fewer if
 * float32 cannot tell more apart). Exact: the state depends on the values only, not on batches, order or merges.
 * `observe` @throws MixbitError `OBSERVATION_NOT_FINITE` for NaN.
 */
export function histogramObserver({ bins: atLeast = 2048 }: { readonly bins?: number } = {}): Observer<HistogramState> {
  const capacity = 2 * atLeast + 2
  const merge = (a: HistogramState, b: HistogramState): HistogramState => {
    if (a.counts.length === 0) return b
    if (b.counts.length === 0) return a
    const min = Math.min(a.min, b.min)
    const max = Math.max(a.max, b.max)
    const { exponent, first, counts } = bins(min, max, capacity)
    pour(a, exponent, first, counts)
    pour(b, exponent, first, counts)
    return { exponent, first, counts, min, max }
  }
  return {
    empty,
    merge,
    observe(state, data) {
      let min = Infinity
      let max = -Infinity
      for (let i = 0; i < data.length; i++) {
        const v = data[i]!
        if (v < min) {
          if (v !== -Infinity) min = v
        }
        if (v > max) {
          if (v !== Infinity) max = v
        } else if (Number.isNaN(v)) refuseNaN(i)
      }
      if (min > max) return state
      const union = { min: Math.min(min, state.min), max: Math.max(max, state.max) }
      const { exponent, first, counts } = bins(union.min, union.max, capacity)
      if (state.counts.length > 0) pour(state, exponent, first, counts)
      const inverse = 2 ** -exponent
      for (let i = 0; i < data.length; i++) {
        const v = data[i]!
        // Infinities are no values; the product is exact, being by a power of two.
        if (v >= min && v <= max) counts[Math.floor(v * inverse) - first]! += 1
      }
      return { exponent, first, counts, ...union }
    },
  }
}

/**
 * The histogram of a state, with the exact min and max.
 * @throws MixbitError `OBSERVATION_EMPTY` when nothing finite was observed.
 */
export function toHistogram({ exponent, first, counts, min, max }: HistogramState): Histogram {
  if (counts.length === 0)
    throw new MixbitError('OBSERVATION_EMPTY', 'No finite value was observed.', {
      hint: 'Run calibration data through the model first.',
    })
  const edges = Float64Array.from({ length: counts.length + 1 }, (_, i) => (first + i) * 2 ** exponent)
  return { edges, counts, min, max }
}
