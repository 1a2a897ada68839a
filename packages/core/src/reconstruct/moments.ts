import { type Tensor, type Tensors, toF32 } from '@mixbit/graph'
import { paddedWidth, pickReconstructKernel } from '@mixbit/quantizers'
import { countsObserver } from './counts-observer.ts'
import type { LayerRows } from './layer-rows.ts'

/** Columns [first, first + columns) of the inputs of a group. */
export interface Block {
  readonly group: number
  readonly first: number
  readonly columns: number
}

/** What inputs x of one block and targets y of its group say: means over all rows that were looked at. */
export interface Moments extends Block {
  /** Rows that were looked at. */
  readonly rows: number
  /** E[x x^T], padded to [width, width]. */
  readonly gram: Float32Array
  /** E[x y^T], padded to [width, outWidth]; empty without targets. */
  readonly cross: Float32Array
  readonly meanX: Float64Array
  readonly meanY: Float64Array
  /** How much of the covariances between inputs is chance, for there are so few rows: 0 for none of it, 1 for all. */
  readonly shrinkage: number
}

/** More columns are taken in blocks: memory and time stay bounded, and errors are compensated within a block. */
const mostColumns = 1152

/** Inputs that exclude each other have no covariances to keep: large tables are taken in small blocks. */
const fewColumns = 64

/** Blocks of nearly equal size, the groups one after the other. */
export function blocksOf({ groups, inputs, oneHot }: LayerRows): Block[] {
  const count = inputs > mostColumns && oneHot ? Math.ceil(inputs / fewColumns) : Math.ceil(inputs / mostColumns)
  const at = (i: number) => Math.round((i * inputs) / count)
  return Array.from({ length: groups * count }, (_, i) => {
    const [group, k] = [Math.floor(i / count), i % count]
    return { group, first: at(k), columns: at(k + 1) - at(k) }
  })
}

export interface MomentsObserver {
  /**
   * Looks at one sample: what enters the layer, the shape of what comes out, a seed for the places, and what should come out, if
   * that matters. `rows`: of another node that has the same weight; default: the layer's own.
   */
  add(input: Tensor, output: readonly number[], seed: number, target?: WriteTarget | null, rows?: LayerRows): void
  /** One per block; null when no row was seen. */
  moments(): Moments[] | null
}

/** Writes the targets of all groups, one behind the other, at one position to `to[at ...]`. */
export type WriteTarget = (position: number, to: Float32Array, at: number) => void

/**
 * Rows that are looked at: enough for a Gram matrix that generalises; a fit to targets needs more of them. Groups are
 * many and small.
 */
const rowsFor = (inputs: number, groups: number, withTargets: boolean): number =>
  withTargets ? Math.max(groups === 1 ? 8192 : 4096, 24 * inputs) : Math.max(2048, 6 * inputs)
/** Numbers that are gathered, at most, before they are multiplied; groups are multiplied one by one, and want longer lists. */
const mostGathered = (groups: number): number => (groups === 1 ? 2 ** 19 : 2 ** 21)

interface Sums extends Block {
  readonly gram: Float32Array
  readonly cross: Float32Array
  readonly sumX: Float64Array
  readonly sumY: Float64Array
  readonly spread: Spread
}

/**
 * Sums over rows of |x|^4 - sum x_i^4 around a first guess of the mean: how much products of different inputs vary.
 */
interface Spread {
  center: Float64Array | null
  sum: number
}

/**
 * Collects moments over positions that are spread evenly over samples and places, the same on every run, with so many targets
 * in every group.
 */
export function momentsObserver(layer: LayerRows, samples: number, targets: number): MomentsObserver {
  if (layer.oneHot) return countsObserver(layer)
  const kernel = pickReconstructKernel()
  const { groups, inputs } = layer
  const outWidth = targets > 0 ? paddedWidth(targets) : 0
  const places = Math.max(1, Math.round(rowsFor(Math.min(inputs, mostColumns), groups, targets > 0) / samples))
  const sums = blocksOf(layer).map((block): Sums => {
    const width = paddedWidth(block.columns)
    return {
      ...block,
      gram: new Float32Array(width * width),
      cross: new Float32Array(width * outWidth),
      sumX: new Float64Array(width),
      sumY: new Float64Array(outWidth),
      spread: { center: null, sum: 0 },
    }
  })
  const chunk = Math.max(64, Math.min(4096, Math.floor(mostGathered(groups) / (groups * inputs))))
  const gathered = {
    x: new Float32Array(chunk * groups * inputs),
    y: new Float32Array(chunk * groups * targets),
  }
  let waiting = 0
  let seen = 0
  const flush = () => {
    for (const { group, first, columns, gram, cross, sumX, sumY, spread: varied } of sums) {
      const x = columnsOf(gathered.x, waiting, groups * inputs, group * inputs + first, columns, sumX)
      const width = sumX.length
      varied.center ??= sumX.map((sum) => sum / waiting)
      varied.sum += fourthMoments(x, varied.center)
      accumulate(gram, kernel.product(x, width))
      if (targets === 0) continue
      const y = columnsOf(gathered.y, waiting, groups * targets, group * targets, targets, sumY)
      accumulate(cross, kernel.product(x, width, y, outWidth))
    }
    seen += waiting
    waiting = 0
  }
  return {
    add(input, output, seed, target, rows = layer) {
      const data = toF32(input)
      for (const position of spread(rows.positions(output), places, seed)) {
        rows.gather(data, { input: input.shape, output, position }, gathered.x, waiting * groups * inputs)
        target?.(position, gathered.y, waiting * groups * targets)
        if (++waiting === chunk) flush()
      }
    },
    moments() {
      if (waiting > 0) flush()
      if (seen === 0) return null
      return sums.map(({ gram, cross, sumX, sumY, spread: varied, ...block }) => {
        const means = {
          gram: divided(gram, seen),
          cross: divided(cross, seen),
          meanX: sumX.map((sum) => sum / seen),
          meanY: sumY.map((sum) => sum / seen),
        }
        return { ...block, ...means, rows: seen, shrinkage: shrinkageOf(means, varied.sum / seen, seen) }
      })
    },
  }
}

/** Fewer rows say nothing of other ones: measured on inputs that were not seen, nearest rounding is better. */
const fewestRows = 8

/** Why inputs do not tell how to round weights that are multiplied with them; null: they do. */
export function faultOf(moments: readonly Moments[] | null): string | null {
  if (!moments) return 'nothing was seen of its inputs'
  const [{ rows }] = moments as [Moments]
  const inputs = moments.reduce((most, { first, columns }) => Math.max(most, first + columns), 0)
  if (rows < Math.min(fewestRows, inputs + 1)) return `only ${rows} of its inputs ${rows === 1 ? 'was' : 'were'} seen`
  const diagonal = moments.flatMap(({ gram, columns, meanX }) =>
    Array.from({ length: columns }, (_, j) => gram[j * meanX.length + j]!),
  )
  if (!diagonal.every(Number.isFinite)) return 'its inputs are not finite'
  return diagonal.every((x) => x === 0) ? 'its inputs are all zero' : null
}

/** Columns [first, first + count) of `rows` rows, padded with zeros; lent until `data` changes. Their sums are added to `sums`. */
function columnsOf(
  data: Float32Array,
  rows: number,
  stride: number,
  first: number,
  count: number,
  sums: Float64Array,
): Float32Array {
  const width = sums.length
  const whole = stride === width && count === width
  const out = whole ? data.subarray(0, rows * width) : new Float32Array(rows * width)
  for (let row = 0; row < rows; row++) {
    const from = row * stride + first
    if (!whole) for (let j = 0; j < count; j++) out[row * width + j] = data[from + j]!
    for (let j = 0; j < count; j++) sums[j]! += data[from + j]!
  }
  return out
}

function divided(sums: Float32Array, by: number): Float32Array {
  const out = new Float32Array(sums.length)
  for (let i = 0; i < sums.length; i++) out[i] = sums[i]! / by
  return out
}

function accumulate(sum: Float32Array, part: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += part[i]!
}

/**
 * A number that follows from what a sample consists of: neither the order of samples nor the layout of their axes changes it,
 * so that other orders and other frameworks look at the same places.
 */
export function seedOf(sample: Tensors): number {
  let seed = 0
  for (const { data } of sample.values())
    for (const x of data) seed = (seed + Math.imul(Math.fround(Number(x)) * 65536, 0x9e3779b1)) | 0
  return seed
}

/** At most `count` of the positions 0 ... total - 1, one from each of `count` equal stretches. */
function spread(total: number, count: number, seed: number): number[] {
  if (total <= count) return Array.from({ length: total }, (_, i) => i)
  return Array.from({ length: count }, (_, i) => {
    const from = Math.floor((i * total) / count)
    const size = Math.floor(((i + 1) * total) / count) - from
    return from + ((Math.imul(seed + i, 0x9e3779b1) >>> 8) % size)
  })
}

/** Sum over rows of |x - center|^4 - sum (x_i - center_i)^4. */
function fourthMoments(x: Float32Array, center: Float64Array): number {
  const width = center.length
  let total = 0
  for (let at = 0; at < x.length; at += width) {
    let squares = 0
    let fourths = 0
    for (let j = 0; j < width; j++) {
      const d = x[at + j]! - center[j]!
      squares += d * d
      fourths += d * d * d * d
    }
    total += squares * squares - fourths
  }
  return total
}

/**
 * The weight of the diagonal in the covariance estimate of least expected error: summed variance of the covariances over their
 * summed squares (Schaefer and Strimmer 2005, after Ledoit and Wolf 2004).
 */
function shrinkageOf({ gram, meanX }: Pick<Moments, 'gram' | 'meanX'>, meanFourth: number, rows: number): number {
  const width = meanX.length
  let squares = 0
  for (let i = 0; i < width; i++)
    for (let j = 0; j < width; j++) if (i !== j) squares += (gram[i * width + j]! - meanX[i]! * meanX[j]!) ** 2
  return squares > 0 ? Math.min(1, Math.max(0, (meanFourth - squares) / (rows * squares))) : 0
}

/** Moments of targets without the bias that a layer keeps: the weights need not explain it. */
export function withoutBias(
  moments: readonly Moments[],
  bias: Tensor | undefined,
  { outputs }: LayerRows,
): readonly Moments[] {
  if (!bias) return moments
  const b = toF32(bias)
  const biasOf = (group: number, row: number) => (row < outputs ? (b[group * outputs + row] ?? 0) : 0)
  return moments.map((seen) => {
    const { group, meanX, meanY } = seen
    const width = meanY.length
    return {
      ...seen,
      cross: seen.cross.map((x, i) => x - meanX[Math.floor(i / width)]! * biasOf(group, i % width)),
      meanY: meanY.map((y, row) => y - biasOf(group, row)),
    }
  })
}

/**
 * What the rounding of a layer needs to know: E[x x^T] and E[x r^T], r the residual of the weights as they are ([outputs, columns],
 * without targets none). Around the means where a bias takes them up. Chance covariances are shrunk away.
 */
export function evidence(
  { gram, cross, meanX, meanY, columns, shrinkage }: Moments,
  weights: Float32Array,
  hasBias: boolean,
): { gram: Float32Array; residual: Float32Array | null } {
  const width = meanX.length
  const outWidth = meanY.length
  const mean = (i: number, j: number) => meanX[i]! * meanX[j]!
  const shrunk = new Float32Array(gram.length)
  const exact = hasBias ? new Float32Array(gram.length) : gram
  for (let i = 0; i < width; i++)
    for (let j = 0; j < width; j++) {
      const at = i * width + j
      const covariance = gram[at]! - mean(i, j)
      if (hasBias) exact[at] = covariance
      shrunk[at] = (i === j ? covariance : (1 - shrinkage) * covariance) + (hasBias ? 0 : mean(i, j))
    }
  if (outWidth === 0) return { gram: shrunk, residual: null }
  const transposed = new Float32Array(width * outWidth)
  for (let i = 0; i < weights.length; i++) transposed[(i % columns) * outWidth + Math.floor(i / columns)] = weights[i]!
  const given = pickReconstructKernel().product(exact, width, transposed, outWidth)
  const residual = new Float32Array(cross.length)
  for (let j = 0, at = 0; j < width; j++)
    for (let k = 0; k < outWidth; k++, at++) {
      const wanted = hasBias ? cross[at]! - meanX[j]! * meanY[k]! : cross[at]!
      residual[at] = (1 - shrinkage) * (wanted - given[at]!)
    }
  return { gram: shrunk, residual }
}
