import { f16ToF32, f32ToF16 } from '@mixbit/graph'
import { kMeansLevels, type Levels, levelsOf, nearestLevel, type TableScheme, withMiddles } from './levels.ts'
import { leastScale, powerOfTwoThreshold } from './make-grid.ts'
import { paddedWidth } from './padded.ts'
import { type Factored, pickReconstructKernel, type ReconstructKernel, type RowRounder } from './reconstruct-kernel.ts'
import { smallest } from './search.ts'

/** Rows of weights on levels: weight = level * scale of its row. */
export interface Compensated {
  /** [rows, columns]. */
  readonly integers: Int16Array
  /** One per row. */
  readonly scale: Float32Array
  /** Of every row: e^T H e. */
  readonly error: Float32Array
}

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

const unpadded = (data: Float32Array, width: number, columns: number): Float32Array => {
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

/** What stands on the diagonal of H, padded with zeros: how much an error of each column counts. */
export const diagonalOf = ({ h, columns, width }: Factored): Float32Array =>
  Float32Array.from({ length: width }, (_, j) => (j < columns ? h[j * width + j]! : 0))

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

/** The largest absolute value of each row. */
function peaks({ count, weights }: Pick<WeightRows, 'count' | 'weights'>): Float32Array {
  const width = weights.length / count
  const result = new Float32Array(count)
  for (let row = 0, i = 0; row < count; row++)
    for (const end = i + width; i < end; i++) result[row] = Math.max(result[row]!, Math.abs(weights[i]!))
  return result
}

/** Rows with how much each of their columns counts. */
export interface CountedRows {
  readonly rows: Pick<WeightRows, 'count' | 'weights'>
  readonly diagonal: Float32Array
}

/**
 * The levels of a scheme for all rows of a layer, ascending. k-means puts them where the weights are, each row in units of
 * its largest one (`lut...`: of the threshold that MCT gives it, with one level at 0), counting errors as the output does.
 */
export function levelsFor(scheme: TableScheme, bits: number, parts: readonly CountedRows[]): number[] {
  if (scheme !== 'kMeans' && !scheme.startsWith('lut')) return levelsOf(scheme, bits)
  const size = parts.reduce((sum, { rows }) => sum + rows.weights.length, 0)
  const normal = new Float32Array(size)
  const importance = new Float32Array(size)
  let at = 0
  for (const { rows, diagonal } of parts) {
    const unit = peaks(rows).map((peak) => unitOf(scheme, peak))
    for (let row = 0, i = 0; row < rows.count; row++) {
      const u = unit[row]!
      for (let j = 0; j < diagonal.length; j++, i++, at++) {
        normal[at] = rows.weights[i]! / u
        importance[at] = diagonal[j]! * u * u
      }
    }
  }
  return kMeansLevels(normal, importance, bits, scheme.startsWith('lut'))
}

/** Rows times columns squared that `refitLevels` looks at, at most: a sample of the rows is enough for a few levels. */
const mostRefitWork = 1e6

/**
 * The levels, in units of the largest one's 127, that fit the codes of a rounding best: least squares over all rows in
 * the measure of H. Gives fewer levels when two become equal.
 */
export function refitLevels(
  parts: readonly { problem: Factored; rows: WeightRows; rounded: Compensated }[],
  levels: readonly number[],
): number[] {
  const count = levels.length
  const place = new Map(levels.map((level, i) => [level, i]))
  const a = Array.from({ length: count }, () => new Float64Array(count + 1))
  for (const { problem, rows, rounded } of parts) {
    const { columns, width, h } = problem
    const step = Math.max(1, Math.ceil((rows.count * columns * columns * parts.length) / mostRefitWork))
    for (let row = 0; row < rows.count; row += step) {
      const s = rounded.scale[row]!
      const codes = Uint8Array.from(rounded.integers.subarray(row * columns, (row + 1) * columns), (q) => place.get(q)!)
      const sums = new Float64Array(count)
      for (let i = 0; i < columns; i++) {
        const to = a[codes[i]!]!
        // H is symmetric: one half of it, and half of its diagonal, then both ways.
        sums.fill(0)
        sums[codes[i]!] = h[i * width + i]! / 2
        for (let j = i + 1; j < columns; j++) sums[codes[j]!]! += h[i * width + j]!
        for (let l = 0; l < count; l++) to[l]! += s * s * sums[l]!
        to[count]! += s * rows.products[row * width + i]!
      }
    }
  }
  for (let k = 0; k < count; k++) for (let l = 0; l <= k; l++) a[k]![l] = a[l]![k] = a[k]![l]! + a[l]![k]!
  const fitted = eliminate(a) ?? levels
  const top = Math.max(...fitted.map(Math.abs))
  return [...new Set(fitted.map((level) => Math.round((level / top) * 127)))].sort((x, y) => x - y)
}

/** Solves a small symmetric positive system [A | b] by elimination; null where A is singular. */
function eliminate(a: readonly Float64Array[]): number[] | null {
  const n = a.length
  for (let i = 0; i < n; i++) {
    const pivot = a[i]![i]!
    if (!(pivot > 0)) return null
    for (let k = 0; k < n; k++) {
      if (k === i) continue
      const factor = a[k]![i]! / pivot
      for (let j = i; j <= n; j++) a[k]![j]! -= factor * a[i]![j]!
    }
  }
  const x = a.map((row, i) => row[n]! / row[i]!)
  return x.every(Number.isFinite) ? x : null
}

const unitOf = (scheme: TableScheme, peak: number): number =>
  scheme === 'lutPowerOfTwo' ? powerOfTwoThreshold(peak) : peak || 1

/** Clip ratios that are tried for the scale a row starts with. */
const ratios = Float32Array.from({ length: 28 }, (_, i) => 0.12 * 1.09 ** i)
const halvings = Float32Array.from({ length: 10 }, (_, i) => 2 ** -i)

/**
 * The scales of each row with which nearest levels lose least, counting each column by `diagonal`: `count` lists of one per
 * row, the best first.
 */
export function startScales(
  rows: Pick<WeightRows, 'count' | 'weights'>,
  diagonal: Float32Array,
  scheme: TableScheme,
  table: Levels,
  count: number,
  kernel: ReconstructKernel = pickReconstructKernel(),
): Float32Array[] {
  const width = diagonal.length
  const reach = Math.max(...table.levels.map(Math.abs))
  const peak = peaks(rows)
  if (scheme.startsWith('lut')) return [peak.map((p) => Math.max(unitOf(scheme, p) / 127, leastScale))]
  const lists = Array.from({ length: scheme === 'powerOfTwo' ? 1 : count }, () => new Float32Array(rows.count))
  for (let row = 0; row < rows.count; row++) {
    const unit = scheme === 'powerOfTwo' ? (2 * powerOfTwoThreshold(peak[row]!)) / reach : peak[row]! / reach
    const scales = (scheme === 'powerOfTwo' ? halvings : ratios).map((ratio) => Math.max(ratio * unit, leastScale))
    const errors = kernel.scaleErrors(rows.weights.subarray(row * width, (row + 1) * width), diagonal, table, scales)
    const order = smallest(errors, lists.length)
    for (const [i, list] of lists.entries()) list[row] = scales[order[i]!]!
  }
  return lists
}
