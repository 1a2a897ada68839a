import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compensateUniform } from './compensate-uniform.ts'
import { dequantize, fakeQuantize } from './grid.ts'
import { leastSquares, weightRows } from './least-squares.ts'
import { paddedWidth } from './padded.ts'
import { normal } from './random.fixture.ts'
import { pickReconstructKernel } from './reconstruct-kernel.ts'
import { searchGrid } from './search-grid.ts'

const sizes = [
  fc.integer({ min: 1, max: 40 }),
  fc.integer({ min: 1, max: 6 }),
  fc.integer({ min: 2, max: 8 }),
  fc.integer({ min: 1, max: 10_000 }),
] as const

/** Correlated inputs and skewed weights, whose best grids have their zero points off the middle. */
function problemOf(columns: number, count: number, seed: number) {
  const width = paddedWidth(columns)
  const x = new Float32Array(200 * width)
  const noise = normal(200 * columns, seed)
  for (let i = 0; i < noise.length; i++) {
    const at = Math.floor(i / columns) * width + (i % columns)
    x[at] = noise[i]! + (i % columns ? 0.9 * x[at - 1]! : 0)
  }
  const gram = pickReconstructKernel()
    .product(x, width)
    .map((sum) => sum / 200)
  return {
    problem: leastSquares(gram, columns)!,
    weights: normal(count * columns, seed + 1).map((w) => Math.abs(w) - 0.2),
  }
}

test('on grids with zero points it is never worse than nearest rounding, and both kernels give the same bits', () => {
  fc.assert(
    fc.property(...sizes, (columns, count, bits, seed) => {
      const { problem, weights } = problemOf(columns, count, seed)
      const nearest = searchGrid({ data: weights, shape: [count, columns], axis: 0, bits, scheme: 'uniform' })
      const run = (name: 'wasm' | 'twin') => {
        const kernel = pickReconstructKernel(name)
        return compensateUniform(problem, weightRows(problem, weights, kernel), { bits, starts: [nearest], kernel })
      }
      const { integers, scale, zeroPoint } = run('wasm')
      expect(run('wasm')).toEqual(run('twin'))
      const ours = dequantize(integers, [count, columns], { bits, signed: false, axis: 0, scale, zeroPoint })
      const theirs = fakeQuantize(weights, [count, columns], nearest)
      const lossOf = (q: Float32Array, row: number) => {
        const e = Float64Array.from({ length: columns }, (_, j) => weights[row * columns + j]! - q[row * columns + j]!)
        return e.reduce(
          (sum, a, i) => sum + e.reduce((part, b, j) => part + a * problem.h[i * problem.width + j]! * b, 0),
          0,
        )
      }
      for (const q of integers) expect(q >= 0 && q < 2 ** bits).toBe(true)
      for (let row = 0; row < count; row++)
        expect(lossOf(ours, row)).toBeLessThanOrEqual(lossOf(theirs, row) * 1.001 + 1e-6)
    }),
    { numRuns: 100 },
  )
})
