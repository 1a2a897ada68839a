import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compensate } from './compensate.ts'
import { diagonalOf, leastSquares, weightRows } from './least-squares.ts'
import { paddedWidth } from './padded.ts'
import { everyGrid, normal } from './random.fixture.ts'
import { pickReconstructKernel } from './reconstruct-kernel.ts'
import { levelsFor } from './row-levels.ts'

const wasm = pickReconstructKernel()
const twin = pickReconstructKernel('twin')

/** [rows, columns] as rows of the padded width. */
function padded(data: Float32Array, columns: number): Float32Array {
  const width = paddedWidth(columns)
  const out = new Float32Array((data.length / columns) * width)
  for (let i = 0; i < data.length; i++) out[Math.floor(i / columns) * width + (i % columns)] = data[i]!
  return out
}

/** Inputs of a layer that are correlated, as those of neighbouring pixels are. */
function inputs(rows: number, columns: number, seed: number): Float32Array {
  const x = normal(rows * columns, seed)
  for (let i = 0; i < x.length; i++) if (i % columns) x[i] = x[i]! + 0.8 * x[i - 1]!
  return x
}

test('the WASM kernel is there on this runtime', () => {
  expect(wasm.name).toBe('wasm')
})

const sizes = fc.tuple(
  fc.integer({ min: 1, max: 45 }),
  fc.integer({ min: 1, max: 12 }),
  fc.integer({ min: 1, max: 1000 }),
)

const tables = fc.constantFrom(...everyGrid)

test('kernel and twin give the same bits for products, factors, solutions and roundings of any size', () => {
  fc.assert(
    fc.property(sizes, tables, ([columns, count, seed], [scheme, bits]) => {
      const width = paddedWidth(columns)
      const x = padded(inputs(150, columns, seed), columns)
      const y = padded(normal(150 * count, seed + 1), count)
      const gram = wasm.product(x, width)
      expect(gram).toEqual(twin.product(x, width))
      expect(wasm.product(x, width, y, paddedWidth(count))).toEqual(twin.product(x, width, y, paddedWidth(count)))
      const problem = leastSquares(gram, columns, wasm)!
      expect(problem).toEqual(leastSquares(gram, columns, twin))
      const b = padded(normal(count * columns, seed + 2), columns)
      expect(wasm.solve(problem, b)).toEqual(twin.solve(problem, b))
      const rows = weightRows(problem, normal(count * columns, seed + 3), wasm)
      expect(rows).toEqual(weightRows(problem, normal(count * columns, seed + 3), twin))
      const levels = levelsFor(scheme, bits, [{ rows, diagonal: diagonalOf(problem) }])
      const nearest = new Float32Array(count).fill(0.5)
      const rounded = compensate(problem, rows, scheme, levels, { nearest, pairs: true, kernel: wasm })
      expect(rounded).toEqual(compensate(problem, rows, scheme, levels, { nearest, pairs: true, kernel: twin }))
    }),
    { numRuns: 60 },
  )
})

test('products, factors and solutions agree with plain float64 arithmetic', () => {
  const [columns, width] = [37, 40]
  const data = inputs(400, columns, 3)
  const gram = wasm.product(padded(data, columns), width)
  const exact = (i: number, j: number) => {
    let sum = 0
    for (let row = 0; row < 400; row++) sum += data[row * columns + i]! * data[row * columns + j]!
    return sum
  }
  // Entries are about 700: the limits are a few units in the last place.
  const problem = leastSquares(gram, columns)!
  for (let i = 0; i < columns; i++)
    for (let j = 0; j < columns; j++) {
      expect(Math.abs(gram[i * width + j]! - exact(i, j))).toBeLessThan(4e-3)
      let product = 0
      for (let k = 0; k < columns; k++) product += problem.r[k * width + i]! * problem.r[k * width + j]!
      expect(Math.abs(product - problem.h[i * width + j]!)).toBeLessThan(4e-3)
    }
  const b = padded(normal(columns, 9), columns)
  const x = wasm.solve(problem, b)
  for (let i = 0; i < columns; i++) {
    let sum = 0
    for (let j = 0; j < columns; j++) sum += problem.h[i * width + j]! * x[j]!
    expect(Math.abs(sum - b[i]!)).toBeLessThan(1e-3)
  }
})

test('a Gram matrix that is zero, not finite or not positive definite makes no problem', () => {
  expect(leastSquares(new Float32Array(64), 8)).toBeNull()
  expect(leastSquares(new Float32Array(64).fill(Number.NaN), 8)).toBeNull()
  const indefinite = new Float32Array(64)
  for (let i = 0; i < 8; i++) indefinite[9 * i] = i === 3 ? -5 : 1
  expect(leastSquares(indefinite, 8)).toBeNull()
})
