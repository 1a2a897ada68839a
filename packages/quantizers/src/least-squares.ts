import { paddedWidth } from './padded.ts'
import { type Factored, pickReconstructKernel, type ReconstructKernel } from './reconstruct-kernel.ts'

/** Share of the mean diagonal that is added to the diagonal: it keeps weights near the original where the data says little. */
const damping = 0.03

/**
 * The problem of a layer: H = gram + damping. `gram` is E[x x^T] of its inputs, [columns, width], padded with zeros.
 * Null where it is not finite, all zero, or not positive definite in float32.
 */
export function leastSquares(gram: Float32Array, columns: number, kernel = pickReconstructKernel()): Factored | null {
  const width = paddedWidth(columns)
  let sum = 0
  for (let j = 0; j < columns; j++) sum += gram[j * width + j]!
  if (!(sum > 0) || !Number.isFinite(sum)) return null
  const added = (damping * sum) / columns
  const h = gram.slice()
  for (let j = 0; j < columns; j++) h[j * width + j]! += added
  const r = kernel.cholesky(h, columns, width)
  return r && { h, r, columns, width }
}

/**
 * The weights w that minimize E[(w.x - y)^2] + damping |w - original|^2, for every output: original + H^-1 E[x r], with
 * `residual` = E[x r^T], r = y - original.x, [columns, outWidth]. Takes and gives [rows, columns].
 */
export function refit(
  problem: Factored,
  residual: Float32Array,
  original: Float32Array,
  kernel: ReconstructKernel = pickReconstructKernel(),
): Float32Array {
  const { columns, width } = problem
  const rows = original.length / columns
  const outWidth = paddedWidth(rows)
  const b = new Float32Array(rows * width)
  for (let row = 0; row < rows; row++)
    for (let j = 0; j < columns; j++) b[row * width + j] = residual[j * outWidth + row]!
  return unpadded(kernel.solve(problem, b), width, columns).map((change, i) => original[i]! + change)
}

/** Rows of `width` as rows of `columns`. */
export const unpadded = (data: Float32Array, width: number, columns: number): Float32Array => {
  const rows = data.length / width
  const out = new Float32Array(rows * columns)
  for (let row = 0; row < rows; row++) out.set(data.subarray(row * width, row * width + columns), row * columns)
  return out
}

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

/** What stands on the diagonal of H, padded with zeros: how much an error of each column counts. */
export const diagonalOf = ({ h, columns, width }: Factored): Float32Array =>
  Float32Array.from({ length: width }, (_, j) => (j < columns ? h[j * width + j]! : 0))
