import type { Histogram } from './histogram.ts'

/**
 * Drops outliers: counts of bins whose left edge is more than `z` standard deviations from the mean of the left edges
 * (population statistics, weighted by counts) become 0. Edges stay; a known min and max shrink to the bins that are
 * left. Source: MCT's `outlier_filter`. A `z` of Infinity changes nothing.
 */
export function zScoreFilter(histogram: Histogram, z: number): Histogram {
  const { edges, counts, min, max } = histogram
  let total = 0
  let sum = 0
  counts.forEach((c, i) => {
    total += c
    sum += c * edges[i]!
  })
  const mean = sum / total
  const variance = counts.reduce((s, c, i) => s + c * (edges[i]! - mean) ** 2, 0) / total
  const farthest = z * Math.sqrt(variance)
  if (!(variance > 0) || !Number.isFinite(farthest)) return histogram
  const kept = counts.map((c, i) => (Math.abs(edges[i]! - mean) > farthest ? 0 : c))
  if (min === undefined || max === undefined) return { edges, counts: kept }
  const first = kept.findIndex((c) => c > 0)
  const last = kept.findLastIndex((c) => c > 0)
  if (first < 0) return histogram
  return { edges, counts: kept, min: Math.max(min, edges[first]!), max: Math.min(max, edges[last + 1]!) }
}
