import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compensate } from './compensate.ts'
import { dequantize, fakeQuantize } from './grid.ts'
import { diagonalOf, leastSquares, refit, weightRows } from './least-squares.ts'
import { levelsOf } from './levels.ts'
import { paddedWidth } from './padded.ts'
import { normal } from './random.fixture.ts'
import { pickReconstructKernel } from './reconstruct-kernel.ts'
import { levelsFor } from './row-levels.ts'
import { searchGrid } from './search-grid.ts'
import { searchLevels } from './search-levels.ts'

/** E[x x^T] of correlated inputs, padded. */
function gramOf(columns: number, seed: number, samples = 300): Float32Array {
  const width = paddedWidth(columns)
  const x = new Float32Array(samples * width)
  const noise = normal(samples * columns, seed)
  for (let row = 0; row < samples; row++)
    for (let j = 0; j < columns; j++)
      x[row * width + j] = noise[row * columns + j]! + (j > 0 ? 0.9 * x[row * width + j - 1]! : 0)
  return pickReconstructKernel()
    .product(x, width)
    .map((sum) => sum / samples)
}

/** (w - q)^T H (w - q) of one row, in float64. */
function lossOf(
  { h, columns, width }: NonNullable<ReturnType<typeof leastSquares>>,
  w: Float32Array,
  q: ArrayLike<number>,
) {
  let sum = 0
  for (let i = 0; i < columns; i++)
    for (let j = 0; j < columns; j++) sum += (w[i]! - q[i]!) * h[i * width + j]! * (w[j]! - q[j]!)
  return sum
}

test('in its own layer, error-compensating rounding is never worse than nearest rounding on the grid of the search', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 2, max: 8 }),
      fc.integer({ min: 1, max: 10_000 }),
      (columns, count, bits, seed) => {
        const problem = leastSquares(gramOf(columns, seed), columns)!
        const weights = normal(count * columns, seed + 1)
        const shape = [count, columns]
        const grid = searchGrid({ data: weights, shape, axis: 0, bits, scheme: 'symmetric' })
        const nearest = fakeQuantize(weights, shape, grid)
        const levels = levelsOf('symmetric', bits)
        const found = compensate(problem, weightRows(problem, weights), 'symmetric', levels, { nearest: grid.scale })
        for (let row = 0; row < count; row++) {
          const part = (data: Float32Array) => data.subarray(row * columns, (row + 1) * columns)
          const ours = Float32Array.from(part(Float32Array.from(found.integers)), (q) => q * found.scale[row]!)
          const [loss, least] = [lossOf(problem, part(weights), ours), lossOf(problem, part(weights), part(nearest))]
          // Scales are rounded to float16 at the end, which may move every weight by 2^-11 of itself.
          const whole = lossOf(problem, part(weights), new Float32Array(columns))
          expect(Math.sqrt(loss)).toBeLessThanOrEqual(1.0001 * Math.sqrt(least) + 2 ** -11 * Math.sqrt(whole))
        }
      },
    ),
    { numRuns: 200 },
  )
})

test('with few columns it is within a tenth of the best of all roundings at its scale', () => {
  let [ours, best] = [0, 0]
  for (let seed = 1; seed <= 40; seed++) {
    const columns = 5
    const problem = leastSquares(gramOf(columns, seed), columns)!
    const w = normal(columns, 100 + seed)
    const levels = levelsOf('midRise', 2)
    const { integers, scale } = compensate(problem, weightRows(problem, w), 'midRise', levels)
    ours += lossOf(
      problem,
      w,
      Array.from(integers, (q) => q * scale[0]!),
    )
    const all = Array.from({ length: 4 ** columns }, (_, code) =>
      Array.from({ length: columns }, (_, j) => levels[Math.floor(code / 4 ** j) % 4]! * scale[0]!),
    )
    best += Math.min(...all.map((q) => lossOf(problem, w, q)))
  }
  expect(ours).toBeLessThan(1.1 * best)
})

test('compensation pays: on correlated inputs it leaves less than half of the error of nearest rounding', () => {
  const columns = 64
  const problem = leastSquares(gramOf(columns, 7), columns)!
  const weights = normal(8 * columns, 8)
  const grid = searchGrid({ data: weights, shape: [8, columns], axis: 0, bits: 3, scheme: 'symmetric' })
  const nearest = fakeQuantize(weights, [8, columns], grid)
  const { integers, scale } = compensate(problem, weightRows(problem, weights), 'symmetric', levelsOf('symmetric', 3))
  let [ours, theirs] = [0, 0]
  for (let row = 0; row < 8; row++) {
    const part = (data: Float32Array) => data.subarray(row * columns, (row + 1) * columns)
    ours += lossOf(
      problem,
      part(weights),
      part(Float32Array.from(integers)).map((q) => q * scale[row]!),
    )
    theirs += lossOf(problem, part(weights), part(nearest))
  }
  expect(ours).toBeLessThan(0.5 * theirs)
})

test('refitting finds the weights that made the targets, and stays near the original where the data is silent', () => {
  const columns = 12
  const width = paddedWidth(columns)
  const gram = gramOf(columns, 3)
  // The last input never moves.
  for (let j = 0; j < columns; j++) gram[j * width + columns - 1] = gram[(columns - 1) * width + j] = 0
  const problem = leastSquares(gram, columns)!
  const truth = normal(2 * columns, 4)
  const outWidth = paddedWidth(2)
  const original = truth.map((w) => w + 0.3)
  const residual = new Float32Array(width * outWidth)
  for (let i = 0; i < columns; i++)
    for (let o = 0; o < 2; o++)
      for (let j = 0; j < columns; j++) {
        const missing = truth[o * columns + j]! - original[o * columns + j]!
        residual[i * outWidth + o]! += gram[i * width + j]! * missing
      }
  const fitted = refit(problem, residual, original)
  for (let o = 0; o < 2; o++) {
    const row = (data: Float32Array) => data.subarray(o * columns, (o + 1) * columns)
    const off = (data: Float32Array) =>
      row(data)
        .slice(0, -1)
        .reduce((sum, w, j) => sum + (w - row(truth)[j]!) ** 2, 0)
    expect(off(fitted)).toBeLessThan(0.05 * off(original))
    expect(row(fitted).at(-1)).toBeCloseTo(row(original).at(-1)!, 4)
  }
})

test('tables of levels lose less than plain integers at two bits, and MCT`s have a level at zero', () => {
  const data = normal(16 * 90, 11)
  const shape = [16, 90]
  const mse = (grid: Parameters<typeof fakeQuantize>[2]) => {
    const q = fakeQuantize(data, shape, grid)
    return data.reduce((sum, x, i) => sum + (x - q[i]!) ** 2, 0)
  }
  const plain = mse(searchGrid({ data, shape, axis: 0, bits: 2, scheme: 'symmetric' }))
  for (const scheme of ['midRise', 'kMeans'] as const)
    expect(mse(searchLevels({ data, shape, axis: 0, bits: 2, scheme }))).toBeLessThan(plain)
  for (const scheme of ['lutSymmetric', 'lutPowerOfTwo'] as const) {
    const grid = searchLevels({ data, shape, axis: 0, bits: 3, scheme })
    expect(Array.from(grid.levels!)).toContain(0)
    if (scheme === 'lutPowerOfTwo')
      for (const s of grid.scale) expect(Math.log2(s * 127)).toBeCloseTo(Math.round(Math.log2(s * 127)), 5)
  }
})

test('putting values on a grid with levels twice changes nothing, and every value is a level', () => {
  const data = normal(60, 5)
  for (const bits of [1, 2, 3, 4]) {
    const grid = searchLevels({ data, shape: [3, 20], axis: 0, bits, scheme: 'kMeans' })
    const once = fakeQuantize(data, [3, 20], grid)
    expect(fakeQuantize(once, [3, 20], grid)).toEqual(once)
    const all = Array.from(grid.scale, (_, c) =>
      dequantize(
        new Array(grid.levels!.length).fill(0).map((_, i) => grid.levels![i]!),
        [grid.levels!.length],
        { ...grid, axis: null, scale: grid.scale.slice(c, c + 1), zeroPoint: new Int32Array(1) },
      ),
    )
    for (const [i, x] of once.entries()) expect(Array.from(all[Math.floor(i / 20)]!)).toContain(x)
  }
})

test('k-means levels are exact where there are no more values than levels', () => {
  const values = Float32Array.of(-127, -64, 0, 127).map((q) => q / 127)
  const rows = { count: 1, weights: Float32Array.of(...values, ...values) }
  expect(levelsFor('kMeans', 2, [{ rows, diagonal: new Float32Array(8).fill(1) }])).toEqual([-127, -64, 0, 127])
  expect(diagonalOf(leastSquares(gramOf(3, 1), 3)!).slice(3)).toEqual(new Float32Array(5))
})

test('pairs of columns that move at once make the error smaller, and no row worse', () => {
  let [single, paired] = [0, 0]
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 48 }),
      fc.constantFrom(['symmetric', 4], ['midRise', 2], ['kMeans', 3], ['powerOfTwo', 3]),
      fc.integer({ min: 1, max: 10_000 }),
      (columns, [scheme, bits], seed) => {
        const problem = leastSquares(gramOf(columns, seed), columns)!
        const rows = weightRows(problem, normal(4 * columns, seed + 1))
        const levels = levelsFor(scheme, bits, [{ rows, diagonal: diagonalOf(problem) }])
        const [plain, found] = [false, true].map((pairs) => compensate(problem, rows, scheme, levels, { pairs }))
        for (const [row, error] of found!.error.entries()) {
          // The error is a sum in float32 of products that may be far larger than itself.
          expect(error).toBeLessThanOrEqual(1.001 * plain!.error[row]! + 1e-5)
          single += plain!.error[row]!
          paired += error
        }
      },
    ),
    { numRuns: 100, seed: 1 },
  )
  expect(paired).toBeLessThan(0.97 * single)
})
