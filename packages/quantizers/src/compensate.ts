import { f16ToF32, f32ToF16 } from '@mixbit/graph'
import { diagonalOf, unpadded, type WeightRows, weightRows } from './least-squares.ts'
import { type Levels, nearestLevel, type TableScheme, withMiddles } from './levels.ts'
import { type Factored, pickReconstructKernel, type ReconstructKernel, type RowRounder } from './reconstruct-kernel.ts'
import { startScales } from './row-levels.ts'

/** Rows of weights on levels: weight = level * scale of its row. */
export interface Compensated {
  /** [rows, columns]. */
  readonly integers: Int16Array
  /** One per row. */
  readonly scale: Float32Array
  /** Of every row: e^T H e. */
  readonly error: Float32Array
}

/** Rows of weights on levels, as the kernel has them. */
export interface Rounded {
  /** The levels, in rows of the problem's width. */
  readonly q: Float32Array
  readonly scale: Float32Array
  /** e^T H e of every row, e = w - q * scale. */
  readonly error: Float32Array
}

/** Rounds every row, starting with its scale. */
export function roundRows({ count, weights, products }: WeightRows, scale: Float32Array, round: RowRounder): Rounded {
  const width = weights.length / count
  const rounded = {
    q: new Float32Array(weights.length),
    scale: new Float32Array(count),
    error: new Float32Array(count),
  }
  for (let row = 0; row < count; row++) {
    const [from, to] = [row * width, (row + 1) * width]
    const found = round(weights.subarray(from, to), products.subarray(from, to), scale[row]!)
    rounded.q.set(found.q, from)
    rounded.scale[row] = found.scale
    rounded.error[row] = found.error
  }
  return rounded
}

export interface CompensateOptions {
  /** Scales of a nearest rounding that must not be better, one per row. */
  readonly nearest?: Float32Array | undefined
  /** The scales to use, one per row; default: those that fit best. */
  readonly scale?: Float32Array | undefined
  /** Lets two columns move at once where single ones stand still, unless that takes too long: 5 to 15 % less error. Default false. */
  readonly pairs?: boolean
  /** Default: the WASM SIMD kernel where the runtime has it. */
  readonly kernel?: ReconstructKernel
}

/** Turns of coordinate descent with a new scale after each; where levels are many, they find little. */
export const sweepsFor = (levels: number): number => (levels > 16 ? 2 : 10)

/** Turns in which two columns move at once. */
const pairTurns = 2

/** These turns, for rows that are not too long and too many. */
export const pairsFor = (rows: number, columns: number): number => (rows * columns ** 2 <= mostPairWork ? pairTurns : 0)

/** Rows times columns squared up to which pairs of columns are looked at: a tenth of a second for each turn. */
const mostPairWork = 1e8

/** Short rows on few levels are cheap, and their error has many dents: they start from several scales. */
const startsFor = (columns: number, levels: number): number => (levels > 16 || columns > 256 ? 1 : columns > 64 ? 2 : 4)

/**
 * Rounds rows of weights to levels so that e^T H e gets small, where nearest rounding makes e^T e small: each column takes
 * up the errors of those before (GPTQ, Frantar et al. 2022), then columns are improved one by one, with the best scale
 * after each turn. Every row has its own scale: in float16 where that loses nothing to speak of, as `nearest` says for
 * schemes whose scale follows from the largest weight. Never worse than nearest rounding with the scales `nearest`, or with given ones. Deterministic.
 */
export function compensate(
  problem: Factored,
  rows: WeightRows,
  scheme: TableScheme,
  levels: ArrayLike<number>,
  { nearest, scale, pairs = false, kernel = pickReconstructKernel() }: CompensateOptions = {},
): Compensated {
  const { columns, width } = problem
  const turns = {
    sweeps: sweepsFor(levels.length),
    pairs: pairs ? pairsFor(rows.count, columns) : 0,
  }
  const table = withMiddles(levels)
  const starts = scale
    ? [scale]
    : startScales(rows, diagonalOf(problem), scheme, table, startsFor(columns, levels.length), kernel)
  const free = !scale && !hasFixedScale(scheme)
  // Where the scale is given, nearest rounding with it must not be better either.
  const rival = nearest ?? (free ? undefined : starts[0])
  const round = kernel.rounder(problem, { ...table, refit: free, ...turns })
  const rounded = [
    ...starts.map((start) => roundRows(rows, start, round)),
    ...(rival ? [nearestRounding(problem, rows, table, rival, kernel)] : []),
  ].reduce((a, b) => betterRows(a, b, width))
  const integers = new Int16Array(unpadded(rounded.q, width, columns))
  return { integers, scale: free ? halfScale(rounded.scale) : rounded.scale, error: rounded.error }
}

/** Every weight to the nearest level. */
export function nearestRounding(
  problem: Factored,
  { count, weights }: WeightRows,
  { levels, middles }: Levels,
  scale: Float32Array,
  kernel: ReconstructKernel = pickReconstructKernel(),
): Rounded {
  const { columns, width } = problem
  const q = new Float32Array(weights.length)
  const e = new Float32Array(count * columns)
  for (let row = 0; row < count; row++)
    for (let j = 0; j < columns; j++) {
      const at = row * width + j
      q[at] = levels[nearestLevel(Math.fround(weights[at]! / scale[row]!), middles)]!
      e[row * columns + j] = weights[at]! - q[at]! * scale[row]!
    }
  const { weights: errors, products } = weightRows(problem, e, kernel)
  const error = new Float32Array(count)
  for (let row = 0, i = 0; row < count; row++)
    for (const end = i + width; i < end; i++) error[row]! += errors[i]! * products[i]!
  return { q, scale, error }
}

/** Row by row the one with the smaller error, the first of equals. */
function betterRows(a: Rounded, b: Rounded, width: number): Rounded {
  const chosen = { q: a.q.slice(), scale: a.scale.slice(), error: a.error.slice() }
  for (let row = 0; row < chosen.error.length; row++) {
    if (!(b.error[row]! < chosen.error[row]!)) continue
    chosen.q.set(b.q.subarray(row * width, (row + 1) * width), row * width)
    chosen.scale[row] = b.scale[row]!
    chosen.error[row] = b.error[row]!
  }
  return chosen
}

/** Schemes whose scale follows from the largest weight. */
export const hasFixedScale = (scheme: TableScheme): boolean => scheme === 'powerOfTwo' || scheme.startsWith('lut')

/** The least scale at which float16 has its full precision. */
const leastHalf = 2 ** -14

/** Scales rounded to float16, unless one of them is too small for it. */
export function halfScale(scale: Float32Array): Float32Array {
  const halves = f16ToF32(f32ToF16(scale))
  return scale.every((s) => s >= leastHalf) && halves.every(Number.isFinite) ? halves : scale
}
