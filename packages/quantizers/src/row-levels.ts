import type { Compensated } from './compensate.ts'
import type { WeightRows } from './least-squares.ts'
import { kMeansLevels, type Levels, levelsOf, type TableScheme } from './levels.ts'
import { leastScale, powerOfTwoThreshold } from './make-grid.ts'
import { type Factored, pickReconstructKernel, type ReconstructKernel } from './reconstruct-kernel.ts'
import { smallest } from './search.ts'

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
