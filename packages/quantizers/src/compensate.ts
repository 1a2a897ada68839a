import { kMeansLevels, type LevelScheme, levelsOf, withMiddles } from './levels.ts'
import { leastScale } from './make-grid.ts'
import {
  type Factored,
  type Levels,
  paddedWidth,
  pickReconstructKernel,
  type ReconstructKernel,
} from './reconstruct-kernel.ts'

/** Rows of weights on levels: weight = level * scale of its row. */
export interface Compensated {
  /** [rows, columns]. */
  readonly integers: Int16Array
  /** One per row. */
  readonly scale: Float32Array
  /** Of every row: e^T H e. */
  readonly error: Float32Array
  /** Ascending. */
  readonly levels: readonly number[]
}

/** Share of the mean diagonal that is added to the diagonal: it keeps weights near the original where the data says little. */
const damping = Number(process.env.DAMP ?? 0.01)

/**
 * The problem of a layer: H = gram + damping. `gram` is E[x x^T] of its inputs, [columns, width], padded with zeros.
 * Null where it is not finite, all zero, or not positive definite in float32.
 */
export function leastSquares(gram: Float32Array, columns: number, kernel = pickReconstructKernel()): Factored | null {
  const width = paddedWidth(columns)
  let sum = 0
  for (let j = 0; j < columns; j++) sum += gram[j * width + j]!
  if (!(sum > 0) || !Number.isFinite(sum)) return null
  const h = gram.slice()
  for (let j = 0; j < columns; j++) h[j * width + j]! += (damping * sum) / columns
  const r = kernel.cholesky(h, columns, width)
  return r && { h, r, columns, width }
}

/** The damping that `leastSquares` added to each element of the diagonal. */
export const dampingOf = (gram: Float32Array, { h }: Factored): number => h[0]! - gram[0]!

/** Rows of weights, [rows, width], padded with zeros, and H times each of them. */
export interface WeightRows {
  readonly count: number
  readonly weights: Float32Array
  readonly products: Float32Array
}

/** Weights of [rows, columns] as the kernel wants them. */
export function weightRows(
  problem: Factored,
  weights: ArrayLike<number>,
  kernel: ReconstructKernel = pickReconstructKernel(),
): WeightRows {
  const { columns, width, h } = problem
  const count = weights.length / columns
  const across = paddedWidth(count)
  const padded = new Float32Array(count * width)
  const transposed = new Float32Array(width * across)
  for (let row = 0; row < count; row++)
    for (let j = 0; j < columns; j++) {
      padded[row * width + j] = weights[row * columns + j]!
      transposed[j * across + row] = weights[row * columns + j]!
    }
  return { count, weights: padded, products: kernel.product(transposed, across, h, width).slice(0, count * width) }
}

export interface CompensateOptions {
  readonly scheme: LevelScheme | 'kMeans'
  /** 1 to 8. */
  readonly bits: number
}

/** Turns of coordinate descent with a new scale after each. */
const sweeps = Number(process.env.SWEEPS ?? 4)

/**
 * Rounds rows of weights so that e^T H e gets small, where nearest rounding makes e^T e small: each column takes up the
 * errors of those before (GPTQ, Frantar et al. 2022), then columns are improved one by one, with the best scale after each
 * turn. Every row has its own scale. Deterministic.
 */
export function compensate(
  problem: Factored,
  rows: WeightRows,
  { scheme, bits }: CompensateOptions,
  kernel: ReconstructKernel = pickReconstructKernel(),
): Compensated {
  const { columns, width, h } = problem
  const diagonal = Float32Array.from({ length: width }, (_, j) => (j < columns ? h[j * width + j]! : 0))
  const levels = scheme === 'kMeans' ? tableFor(rows, diagonal, bits) : levelsOf(scheme, bits)
  const table = withMiddles(levels)
  const scale = startScales(rows, diagonal, table, kernel)
  const rounded = kernel.round(problem, { ...rows, ...table, scale, refit: true, sweeps })
  const integers = new Int16Array(rows.count * columns)
  for (let row = 0; row < rows.count; row++)
    for (let j = 0; j < columns; j++) integers[row * columns + j] = rounded.q[row * width + j]!
  return { integers, scale: rounded.scale, error: rounded.error, levels }
}

/** The largest absolute value of each row. */
function peaks({ count, weights }: WeightRows): Float32Array {
  const width = weights.length / count
  const result = new Float32Array(count)
  for (let row = 0, i = 0; row < count; row++)
    for (const end = i + width; i < end; i++) result[row] = Math.max(result[row]!, Math.abs(weights[i]!))
  return result
}

/** One table for all rows, each normalised by its peak; errors count as much as they do at the output. */
function tableFor(rows: WeightRows, diagonal: Float32Array, bits: number): number[] {
  const width = diagonal.length
  const peak = peaks(rows)
  const normal = rows.weights.map((w, i) => w / (peak[Math.floor(i / width)]! || 1))
  const importance = rows.weights.map((_, i) => diagonal[i % width]! * peak[Math.floor(i / width)]! ** 2)
  return Array.from(kMeansLevels(normal, importance, bits))
}

/** Clip ratios that are tried for the scale a row starts with. */
const ratios = Float32Array.from({ length: 28 }, (_, i) => 0.12 * 1.09 ** i)

/** The scale of each row with which nearest levels lose least, counting each column by the diagonal of H. */
function startScales(rows: WeightRows, diagonal: Float32Array, table: Levels, kernel: ReconstructKernel): Float32Array {
  const width = diagonal.length
  const reach = Math.max(...table.levels.map(Math.abs))
  return peaks(rows).map((peak, row) => {
    const scales = ratios.map((ratio) => Math.max((ratio * peak) / reach, leastScale))
    const w = rows.weights.subarray(row * width, (row + 1) * width)
    const errors = kernel.scaleErrors(w, diagonal, table, scales)
    return scales[errors.indexOf(Math.min(...errors))]!
  })
}
