import { type Compensated, halfScale, hasFixedScale, pairsFor, sweepsFor } from './compensate.ts'
import { type WeightRows, weightRows } from './least-squares.ts'
import { type TableScheme, withMiddles } from './levels.ts'
import { type Factored, pickReconstructKernel, type ReconstructKernel } from './reconstruct-kernel.ts'

export interface CoupleOptions {
  readonly scheme: TableScheme
  readonly levels: ArrayLike<number>
  /** How much errors of two rows count together, [rows, rows]: symmetric, positive on the diagonal. */
  readonly coupling: Float32Array
  /** Keeps the scales. Default false. */
  readonly fixed?: boolean
  /** Default: the WASM SIMD kernel where the runtime has it. */
  readonly kernel?: ReconstructKernel
}

/** Turns over all rows; in the last one two columns of a row may move at once. */
const turns = 3

/** Rows squared times columns up to which rows are coupled: about a fifth of a second for each turn. */
const mostWork = 1e8

/** Whether a layer of so many rows and columns can be coupled: there is more than one, and it does not take too long. */
export const canCouple = (rows: number, columns: number): boolean => rows > 1 && rows * rows * columns <= mostWork

/**
 * Rounds the rows of a layer again, one after the other, so that sum_ij C_ij e_i^T H e_j gets small, which counts the errors e of all rows
 * together, where `compensate` makes e^T H e of every row small: each row takes up what the errors of the others leave to be
 * repaired (a Hessian of Kronecker factors, C the one of the outputs: Martens and Grosse 2015; for rounding Tseng et al. 2025). That sum is
 * never larger than before, but for rounding scales to float16. Takes and gives rows of `columns`; `canCouple` tells what takes too long.
 * Deterministic.
 */
export function coupleRows(
  problem: Factored,
  rows: WeightRows,
  rounded: Compensated,
  { scheme, levels, coupling, fixed = false, kernel = pickReconstructKernel() }: CoupleOptions,
): Compensated {
  const { columns, width } = problem
  const { count, weights, products } = rows
  const free = !fixed && !hasFixedScale(scheme)
  const integers = rounded.integers.slice()
  const scale = rounded.scale.slice()
  const error = rounded.error.slice()
  const start = Float32Array.from({ length: count * columns }, (_, i) => {
    const [row, j] = [Math.floor(i / columns), i % columns]
    return weights[row * width + j]! - integers[i]! * scale[row]!
  })
  const { weights: e, products: g } = weightRows(problem, start, kernel)
  const rule = { ...withMiddles(levels), refit: free, sweeps: sweepsFor(levels.length) }
  const [w, hw] = [new Float32Array(width), new Float32Array(width)]
  for (let turn = 1; turn <= turns; turn++) {
    const round = kernel.rounder(problem, { ...rule, pairs: turn === turns ? pairsFor(count, columns) : 0 })
    for (let row = count - 1; row >= 0; row--) {
      const at = row * width
      // What this row should do for the others, on top of its own weights.
      const [more, product] = [new Float32Array(width), new Float32Array(width)]
      for (let other = 0; other < count; other++) {
        const share = coupling[row * count + other]! / coupling[row * count + row]!
        if (other === row || share === 0) continue
        for (let j = 0, from = other * width; j < width; j++, from++) {
          more[j]! += share * e[from]!
          product[j]! += share * g[from]!
        }
      }
      let before = 0
      for (let j = 0; j < width; j++) {
        before += (e[at + j]! + more[j]!) * (g[at + j]! + product[j]!)
        w[j] = weights[at + j]! + more[j]!
        hw[j] = products[at + j]! + product[j]!
      }
      const found = round(w, hw, scale[row]!)
      if (!(found.error < before)) continue
      scale[row] = found.scale
      let own = 0
      for (let j = 0; j < width; j++) {
        e[at + j] = found.e[j]! - more[j]!
        g[at + j] = found.g[j]! - product[j]!
        own += e[at + j]! * g[at + j]!
        if (j < columns) integers[row * columns + j] = found.q[j]!
      }
      error[row] = own
    }
  }
  return { integers, scale: free ? halfScale(scale) : scale, error }
}
