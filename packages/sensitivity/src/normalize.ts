/** One node's metric per candidate, with the candidates' bits (any order). */
export interface NodeMetrics {
  readonly bits: readonly number[]
  readonly values: readonly number[]
}

export interface NormalizeOptions {
  /** Divide a node's metrics by that of its widest or narrowest candidate. Default NONE. */
  readonly metricNormalization?: 'NONE' | 'MAXBIT' | 'MINBIT'
  /** Every other candidate becomes at least the widest one's metric plus this; null leaves it. Default 1e-6. */
  readonly metricEpsilon?: number | null
  /** When the largest metric of all reaches this, all are divided by it. Default 1e10. */
  readonly metricNormalizationThreshold?: number
}

/** Normalization, then epsilon, then threshold: MCT's order. Non-finite metrics stay what they are. */
export function normalizeMetrics(nodes: readonly NodeMetrics[], options: NormalizeOptions = {}): number[][] {
  const { metricNormalization = 'NONE', metricEpsilon = 1e-6, metricNormalizationThreshold = 1e10 } = options
  const rows = nodes.map(({ bits, values }) => {
    const widest = bits.indexOf(Math.max(...bits))
    const divisor =
      metricNormalization === 'NONE'
        ? 1
        : values[metricNormalization === 'MAXBIT' ? widest : bits.indexOf(Math.min(...bits))]! || 1
    const row = values.map((value) => value / divisor)
    return metricEpsilon === null
      ? row
      : row.map((value, i) =>
          i === widest || !Number.isFinite(value) ? value : Math.max(value, row[widest]! + metricEpsilon),
        )
  })
  const largest = rows.flat().reduce((a, b) => (Number.isFinite(b) ? Math.max(a, b) : a), 0)
  return largest >= metricNormalizationThreshold ? rows.map((row) => row.map((value) => value / largest)) : rows
}
