import { MixbitError } from '@mixbit/graph'

/** Bin i counts the values in [edges[i], edges[i + 1]); the last bin includes its right edge. Counts may be fractions. */
export interface Histogram {
  /** One more than there are bins, ascending. */
  readonly edges: Float64Array
  readonly counts: Float64Array
  /** The exact range of the values, when known; it lies within the edges. */
  readonly min?: number
  readonly max?: number
}

/** `n` numbers from `a` to `b`, evenly spaced, both included. */
export const linspace = (a: number, b: number, n: number): Float64Array =>
  Float64Array.from({ length: n }, (_, i) => (i === n - 1 ? b : a + ((b - a) * i) / (n - 1)))

/**
 * The equal-width histogram of x over its own range, in which element i counts `weights[i]` (default 1). Values that
 * are all equal get a range of width 1 around them, as numpy does.
 * @throws MixbitError `OBSERVATION_EMPTY` for no values, `OBSERVATION_NOT_FINITE` for NaN or infinities.
 */
export function weightedHistogram(x: ArrayLike<number>, weights?: ArrayLike<number>, bins = 2048): Histogram {
  let min = Infinity
  let max = -Infinity
  for (let i = 0; i < x.length; i++) {
    const v = x[i]!
    if (!Number.isFinite(v))
      throw new MixbitError('OBSERVATION_NOT_FINITE', `Element ${i} is ${v}, which no bin can hold.`, {
        hint: 'Check the data and the model for values that are not numbers.',
        context: { index: i, value: v },
      })
    if (v < min) min = v
    if (v > max) max = v
  }
  if (x.length === 0)
    throw new MixbitError('OBSERVATION_EMPTY', 'There are no values to make a histogram of.', {
      hint: 'Give at least one value.',
    })
  const [a, b] = min === max ? [min - 0.5, max + 0.5] : [min, max]
  const counts = new Float64Array(bins)
  for (let i = 0; i < x.length; i++) {
    const bin = Math.min(bins - 1, Math.floor(((x[i]! - a) / (b - a)) * bins))
    counts[bin] = counts[bin]! + (weights ? weights[i]! : 1)
  }
  return { edges: linspace(a, b, bins + 1), counts, min, max }
}

/** Counts below x, interpolated linearly within bins. */
function cumulativeAt({ edges, counts }: Histogram): (x: number) => number {
  const below = new Float64Array(edges.length)
  for (let i = 0; i < counts.length; i++) below[i + 1] = below[i]! + counts[i]!
  let bin = 0 // asked for ascending x only
  return (x) => {
    while (bin < counts.length && edges[bin + 1]! < x) bin++
    if (bin === counts.length) return below[bin]!
    const part = (x - edges[bin]!) / (edges[bin + 1]! - edges[bin]!)
    return below[bin]! + Math.max(0, part) * counts[bin]!
  }
}

/**
 * Merges histograms as MCT does: onto `bins` equal bins from the least to the greatest edge, interpolating each
 * cumulative count. The total is kept; counts may become fractions. `histogramObserver` merges without interpolation.
 * @throws MixbitError `OBSERVATION_EMPTY` for no histograms.
 */
export function mergeHistograms(histograms: readonly Histogram[], bins = 2048): Histogram {
  if (histograms.length === 0)
    throw new MixbitError('OBSERVATION_EMPTY', 'There are no histograms to merge.', { hint: 'Give at least one.' })
  const min = Math.min(...histograms.map((h) => h.edges[0]!))
  const max = Math.max(...histograms.map((h) => h.edges.at(-1)!))
  const edges = linspace(min, max, bins + 1)
  const counts = new Float64Array(bins)
  for (const histogram of histograms) {
    const cumulative = cumulativeAt(histogram)
    let below = 0
    for (let i = 0; i < bins; i++) {
      const upTo = cumulative(edges[i + 1]!)
      counts[i] = counts[i]! + upTo - below
      below = upTo
    }
  }
  const known = histograms.every((h) => h.min !== undefined && h.max !== undefined)
  if (!known) return { edges, counts }
  return {
    edges,
    counts,
    min: Math.min(...histograms.map((h) => h.min!)),
    max: Math.max(...histograms.map((h) => h.max!)),
  }
}
