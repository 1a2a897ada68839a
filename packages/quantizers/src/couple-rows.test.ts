import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Compensated, compensate } from './compensate.ts'
import { canCouple, coupleRows } from './couple-rows.ts'
import { diagonalOf, leastSquares, weightRows } from './least-squares.ts'
import { paddedWidth } from './padded.ts'
import { everyGrid, normal } from './random.fixture.ts'
import { type Factored, pickReconstructKernel } from './reconstruct-kernel.ts'
import { levelsFor } from './row-levels.ts'

const wasm = pickReconstructKernel('wasm')
const twin = pickReconstructKernel('twin')

/** A layer of so many rows, with inputs and outputs that are correlated. */
function layerOf(columns: number, count: number, seed: number) {
  const width = paddedWidth(columns)
  const x = new Float32Array(300 * width)
  const noise = normal(300 * columns, seed)
  for (let row = 0; row < 300; row++)
    for (let j = 0; j < columns; j++)
      x[row * width + j] = noise[row * columns + j]! + (j > 0 ? 0.9 * x[row * width + j - 1]! : 0)
  const problem = leastSquares(wasm.product(x, width), columns)!
  const rows = weightRows(problem, normal(count * columns, seed + 1))
  // Few directions of the outputs matter, and all of them a little.
  const seen = normal(2 * count, seed + 2)
  const coupling = Float32Array.from({ length: count * count }, (_, at) => {
    const [i, j] = [Math.floor(at / count), at % count]
    return seen[i]! * seen[j]! + seen[count + i]! * seen[count + j]! + (i === j ? 0.3 : 0)
  })
  return { problem, rows, coupling }
}

/** sum_ij C_ij e_i^T H e_j in float64. */
function lossOf({ h, columns, width }: Factored, weights: Float32Array, coupling: Float32Array, found: Compensated) {
  const count = found.scale.length
  const e = Array.from({ length: count }, (_, row) =>
    Array.from(
      { length: columns },
      (_, j) => weights[row * width + j]! - found.integers[row * columns + j]! * found.scale[row]!,
    ),
  )
  const products = e.map((row) => row.map((_, i) => row.reduce((sum, value, j) => sum + h[i * width + j]! * value, 0)))
  let total = 0
  for (let i = 0; i < count; i++)
    for (let j = 0; j < count; j++)
      total += coupling[i * count + j]! * e[i]!.reduce((sum, value, k) => sum + value * products[j]![k]!, 0)
  return total
}

const layers = fc.tuple(
  fc.integer({ min: 1, max: 30 }),
  fc.integer({ min: 1, max: 9 }),
  fc.integer({ min: 1, max: 10_000 }),
)
const schemes = fc.constantFrom(...everyGrid)

test('errors of all rows together are never larger than before, and both kernels give the same bits', () => {
  fc.assert(
    fc.property(layers, schemes, fc.boolean(), ([columns, count, seed], [scheme, bits], fixed) => {
      const { problem, rows, coupling } = layerOf(columns, count, seed)
      const levels = levelsFor(scheme, bits, [{ rows, diagonal: diagonalOf(problem) }])
      const before = compensate(problem, rows, scheme, levels)
      const options = { scheme, levels, coupling, fixed }
      const after = coupleRows(problem, rows, before, { ...options, kernel: wasm })
      expect(after).toEqual(coupleRows(problem, rows, before, { ...options, kernel: twin }))
      if (fixed) expect(after.scale).toEqual(before.scale)
      for (const q of after.integers) expect(levels).toContain(q)
      const whole = { ...before, integers: new Int16Array(before.integers.length) }
      const [least, loss, all] = [before, after, whole].map((one) => lossOf(problem, rows.weights, coupling, one))
      // Scales are rounded to float16 at the end, which may move every weight by 2^-11 of itself.
      expect(Math.sqrt(Math.max(0, loss!))).toBeLessThanOrEqual(1.0001 * Math.sqrt(least!) + 2 ** -11 * Math.sqrt(all!))
    }),
    { numRuns: 150 },
  )
})

test('where few directions of the outputs matter, 2 bits lose less than half as much for them', () => {
  let [before, after] = [0, 0]
  for (let seed = 1; seed <= 10; seed++) {
    const { problem, rows, coupling } = layerOf(36, 16, seed)
    const levels = levelsFor('midRise', 2, [{ rows, diagonal: diagonalOf(problem) }])
    const rounded = compensate(problem, rows, 'midRise', levels, { pairs: true })
    const coupled = coupleRows(problem, rows, rounded, { scheme: 'midRise', levels, coupling })
    before += lossOf(problem, rows.weights, coupling, rounded)
    after += lossOf(problem, rows.weights, coupling, coupled)
  }
  expect(after).toBeLessThan(0.5 * before)
})

test('a single row counts alone: its error never grows', () => {
  const { problem, rows, coupling } = layerOf(8, 1, 5)
  const levels = levelsFor('midRise', 2, [{ rows, diagonal: diagonalOf(problem) }])
  const before = compensate(problem, rows, 'midRise', levels)
  const after = coupleRows(problem, rows, before, { scheme: 'midRise', levels, coupling })
  expect(lossOf(problem, rows.weights, coupling, after)).toBeLessThanOrEqual(
    1.001 * lossOf(problem, rows.weights, coupling, before),
  )
  expect([canCouple(1, 8), canCouple(2, 8), canCouple(3600, 8)]).toEqual([false, true, false])
})
