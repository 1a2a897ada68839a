import type { Grid } from '@mixbit/graph'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { dequantize, fakeQuantize, gridLimits, quantize } from './grid.ts'
import { symmetricGrid, uniformGrid } from './make-grid.ts'
import { roundHalfEven } from './round.ts'

const float = (size: number) => fc.float({ min: Math.fround(-size), max: Math.fround(size), noNaN: true })
const bits = fc.integer({ min: 2, max: 16 })
const threshold = fc.double({ min: 1e-6, max: 1e6, noNaN: true })
const grid: fc.Arbitrary<Grid> = fc.oneof(
  fc.record({ threshold, bits, signed: fc.boolean() }).map(symmetricGrid),
  fc
    .record({ min: float(1000), width: threshold, bits })
    .map(({ min, width, bits }) => uniformGrid({ min, max: min + width, bits })),
)
const data = fc.array(float(2000), { minLength: 1, maxLength: 40 }).map((x) => Float32Array.from(x))

test('rounding goes to the even neighbour at ties', () => {
  expect([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.4999, 1e9 + 0.5].map((x) => roundHalfEven(x) + 0)).toEqual([
    -2, -2, 0, 0, 2, 2, 2, 1e9,
  ])
})

test('fake-quantizing twice is once', () => {
  fc.assert(
    fc.property(data, grid, (x, g) => {
      const once = fakeQuantize(x, [x.length], g)
      expect(fakeQuantize(once, [x.length], g)).toEqual(once)
    }),
    { numRuns: 500 },
  )
})

test('every result lies on the grid, and quantizing it gives its integer back', () => {
  fc.assert(
    fc.property(data, grid, (x, g) => {
      const q = quantize(x, [x.length], g)
      const [lo, hi] = gridLimits(g)
      expect(q.every((v) => Number.isInteger(v) && v >= lo && v <= hi)).toBe(true)
      expect(quantize(dequantize(q, [x.length], g), [x.length], g)).toEqual(q)
    }),
    { numRuns: 500 },
  )
})

test('larger values never get smaller integers', () => {
  fc.assert(
    fc.property(data, grid, (x, g) => {
      const q = quantize(x.slice().sort(), [x.length], g)
      for (let i = 1; i < q.length; i++) expect(q[i]!).toBeGreaterThanOrEqual(q[i - 1]!)
    }),
  )
})

test('no point of the grid is nearer than the chosen one', () => {
  fc.assert(
    fc.property(float(3), fc.integer({ min: 2, max: 6 }), fc.boolean(), (x, n, signed) => {
      const g = symmetricGrid({ threshold: 1.3, bits: n, signed })
      const [lo, hi] = gridLimits(g)
      const all = dequantize(
        Array.from({ length: hi - lo + 1 }, (_, i) => lo + i),
        [hi - lo + 1],
        g,
      )
      const least = Math.min(...Array.from(all, (y) => Math.abs(y - x)))
      expect(Math.abs(fakeQuantize(Float32Array.of(x), [1], g)[0]! - x)).toBeLessThanOrEqual(least + 1e-6)
    }),
  )
})

test('each channel has its own scale and zero point, on any axis', () => {
  const g: Grid = {
    bits: 8,
    signed: false,
    axis: 1,
    scale: Float32Array.of(1, 2),
    zeroPoint: Int32Array.of(0, 10),
  }
  expect([...quantize(Float32Array.of(1, 2, 4, 8, 3, 4, -6, 600), [2, 2, 2], g)]).toEqual([1, 2, 12, 14, 3, 4, 7, 255])
})

test('infinities saturate', () => {
  const g = symmetricGrid({ threshold: 1, bits: 8 })
  expect([...quantize(Float32Array.of(Infinity, -Infinity), [2], g)]).toEqual([127, -128])
})

test('ties are broken before the zero point is added, or after it when asked', () => {
  const g = uniformGrid({ min: -1, max: 2, bits: 2 })
  const x = Float32Array.of(-0.5, 0.5, 1.5)
  expect([...fakeQuantize(x, [3], g)]).toEqual([0, 0, 2])
  expect([...fakeQuantize(x, [3], g, { ties: 'mct' })]).toEqual([-1, 1, 1])
})

test('a grid that does not fit the shape is refused', () => {
  const g = symmetricGrid({ threshold: [1, 2], bits: 8, axis: 0 })
  expect(() => quantize(new Float32Array(3), [3], g)).toThrow(expect.objectContaining({ code: 'GRID_SIZE' }))
  expect(() => quantize(new Float32Array(3), [2], g)).toThrow(expect.objectContaining({ code: 'TENSOR_SIZE' }))
  expect(() => quantize(new Float32Array(2), [2], { ...g, axis: 1 })).toThrow(
    expect.objectContaining({ code: 'AXIS_OUT_OF_RANGE' }),
  )
})
