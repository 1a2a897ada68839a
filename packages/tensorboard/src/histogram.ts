/** How numbers are distributed, with what TensorBoard shows of them. */
export interface Histogram {
  readonly min: number
  readonly max: number
  readonly mean: number
  readonly sumOfSquares: number
  /** How many finite numbers there were. */
  readonly count: number
  /** Right edges of the bins, ascending; the first bin begins at `min`. */
  readonly limits: readonly number[]
  readonly counts: readonly number[]
}

const bins = 64

const empty: Histogram = { min: 0, max: 0, mean: 0, sumOfSquares: 0, count: 0, limits: [0], counts: [0] }

/** The histogram of the finite numbers among `data`, in 64 bins of equal width. */
export function histogramOf(data: ArrayLike<number>): Histogram {
  const { min, max, sum, sumOfSquares, count } = moments(data)
  if (count === 0) return empty
  const counts = new Array<number>(bins).fill(0)
  const width = max - min || 1
  for (let i = 0; i < data.length; i++)
    if (Number.isFinite(data[i])) counts[Math.min(bins - 1, Math.floor(((data[i]! - min) / width) * bins))]! += 1
  // The last edge is the maximum itself: its sum by steps may fall short of it.
  const limits = counts.map((_, i) => (i === bins - 1 ? max : min + ((i + 1) * (max - min)) / bins))
  return { min, max, mean: sum / count, sumOfSquares, count, limits, counts }
}

/** What many small bins say, with the moments of the values themselves. */
export interface FineBins {
  /** One more than there are bins, ascending. */
  readonly edges: ArrayLike<number>
  readonly counts: ArrayLike<number>
  readonly min: number
  readonly max: number
  readonly sum: number
  readonly sumOfSquares: number
}

/** A histogram of at most 64 bins: neighbours joined. */
export function joinBins({ edges, counts: fine, min, max, sum, sumOfSquares }: FineBins): Histogram {
  if (fine.length === 0) return empty
  const size = Math.ceil(fine.length / bins)
  const counts = new Array<number>(Math.ceil(fine.length / size)).fill(0)
  for (let i = 0; i < fine.length; i++) counts[Math.floor(i / size)]! += fine[i]!
  const limits = counts.map((_, i) => edges[Math.min(fine.length, (i + 1) * size)]!)
  const count = counts.reduce((a, b) => a + b, 0)
  return { min, max, mean: sum / count, sumOfSquares, count, limits, counts }
}

function moments(data: ArrayLike<number>) {
  let [min, max, sum, sumOfSquares, count] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0, 0]
  for (let i = 0; i < data.length; i++) {
    const x = data[i]!
    if (!Number.isFinite(x)) continue
    count++
    sum += x
    sumOfSquares += x * x
    if (x < min) min = x
    if (x > max) max = x
  }
  return { min, max, sum, sumOfSquares, count }
}
