import type { Grid } from '@mixbit/graph'
import { nearestRounding, roundRows } from './compensate.ts'
import { type WeightRows, weightRows } from './least-squares.ts'
import { levelsOf, withMiddles } from './levels.ts'
import { type Factored, pickReconstructKernel, type ReconstructKernel } from './reconstruct-kernel.ts'

/** Rows of weights on grids with zero points: weight = (integer - zero point) * scale. */
export interface CompensatedUniform {
  /** [rows, columns], 0 to 2^bits - 1. */
  readonly integers: Int16Array
  /** One per row. */
  readonly scale: Float32Array
  readonly zeroPoint: Int32Array
  /** Of every row: e^T H e. */
  readonly error: Float32Array
}

export interface UniformOptions {
  readonly bits: number
  /** Grids to start from, one scale and zero point per row. Rounding to their nearest points is never better. */
  readonly starts: readonly Pick<Grid, 'scale' | 'zeroPoint'>[]
  /** Keeps the scales of the starts, as blocks of one layer must. Default false. */
  readonly fixed?: boolean
  readonly kernel?: ReconstructKernel
}

/** Shares of a start's range that are tried: with few bits, clipping pays. */
const sharesFor = (bits: number): number[] => (bits >= 6 ? [1] : [1, 0.85, 0.7])
/** Turns of rounding, with scales fitted to the integers between them. */
const turns = 2

/**
 * The same as `compensate` for grids with a zero point. With the scale and the zero point of a row given, its weights less
 * the middle of the grid go to symmetric levels; then the scale is fitted to the integers, and so on. Deterministic.
 */
export function compensateUniform(
  problem: Factored,
  rows: WeightRows,
  { bits, starts, fixed = false, kernel = pickReconstructKernel() }: UniformOptions,
): CompensatedUniform {
  const { columns } = problem
  const half = 2 ** (bits - 1)
  const best: CompensatedUniform = {
    integers: new Int16Array(rows.count * columns),
    scale: new Float32Array(rows.count),
    zeroPoint: new Int32Array(rows.count),
    error: new Float32Array(rows.count).fill(Number.POSITIVE_INFINITY),
  }
  const sums = rowSums(problem)
  for (const { scale: start, zeroPoint } of starts) {
    const middle = Float64Array.from(zeroPoint, (zero) => half - zero)
    const nearest = atLevels(problem, shifted(problem, rows, sums, { middle, scale: start }), start, {
      bits,
      kernel,
      rounds: false,
    })
    keepBetter(best, nearest, { scale: start, zeroPoint, half, problem })
    for (const share of fixed ? [1] : sharesFor(bits)) {
      let scale: Float32Array = start.map((s) => s * share)
      for (let turn = 0; turn < (fixed ? 1 : turns); turn++) {
        const found = atLevels(problem, shifted(problem, rows, sums, { middle, scale }), scale, {
          bits,
          kernel,
          rounds: true,
        })
        keepBetter(best, found, { scale, zeroPoint, half, problem })
        scale = fittedScales(problem, rows, found.q, { middle, scale, kernel })
      }
    }
  }
  return best
}

interface Centred {
  /** What is added to the symmetric levels of each row. */
  readonly middle: Float64Array
  readonly scale: Float32Array
}

/** H times a row of ones. */
function rowSums({ h, columns, width }: Factored): Float64Array {
  const sums = new Float64Array(width)
  for (let i = 0; i < columns; i++) for (let j = 0; j < columns; j++) sums[i]! += h[i * width + j]!
  return sums
}

/** The rows less the middle of their grids. */
function shifted(
  { columns, width }: Factored,
  rows: WeightRows,
  sums: Float64Array,
  { middle, scale }: Centred,
): WeightRows {
  const weights = rows.weights.slice()
  const products = rows.products.slice()
  for (let row = 0; row < rows.count; row++) {
    const shift = middle[row]! * scale[row]!
    for (let j = 0; j < columns; j++) {
      weights[row * width + j]! -= shift
      products[row * width + j]! -= shift * sums[j]!
    }
  }
  return { count: rows.count, weights, products }
}

interface AtLevels {
  readonly bits: number
  readonly kernel: ReconstructKernel
  /** false: to the nearest. */
  readonly rounds: boolean
}

function atLevels(problem: Factored, rows: WeightRows, scale: Float32Array, { bits, kernel, rounds }: AtLevels) {
  const table = withMiddles(levelsOf('symmetric', bits))
  return rounds
    ? roundRows(rows, scale, kernel.rounder(problem, { ...table, refit: false, sweeps: 4, pairs: 0 }))
    : nearestRounding(problem, rows, table, scale, kernel)
}

/** The scale of each row that fits its integers best: u^T H w / u^T H u. */
function fittedScales(
  problem: Factored,
  { count, products }: WeightRows,
  q: Float32Array,
  { middle, scale, kernel }: Centred & { readonly kernel: ReconstructKernel },
): Float32Array {
  const { columns, width } = problem
  const u = new Float32Array(count * columns)
  for (let i = 0; i < u.length; i++)
    u[i] = q[Math.floor(i / columns) * width + (i % columns)]! + middle[Math.floor(i / columns)]!
  const own = weightRows(problem, u, kernel)
  return scale.map((before, row) => {
    let [along, squares] = [0, 0]
    for (let i = row * width; i < (row + 1) * width; i++) {
      along += own.weights[i]! * products[i]!
      squares += own.weights[i]! * own.products[i]!
    }
    const fitted = Math.fround(along / squares)
    return fitted > 0 && Number.isFinite(fitted) ? fitted : before
  })
}

/** Takes over the rows that have a smaller error. */
function keepBetter(
  best: CompensatedUniform,
  found: { readonly q: Float32Array; readonly error: Float32Array },
  {
    scale,
    zeroPoint,
    half,
    problem: { columns, width },
  }: { scale: Float32Array; zeroPoint: Int32Array; half: number; problem: Factored },
): void {
  for (let row = 0; row < best.scale.length; row++) {
    if (!(found.error[row]! < best.error[row]!)) continue
    best.error[row] = found.error[row]!
    best.scale[row] = scale[row]!
    best.zeroPoint[row] = zeroPoint[row]!
    for (let j = 0; j < columns; j++) best.integers[row * columns + j] = found.q[row * width + j]! + half
  }
}
