import type { Grid } from '@mixbit/graph'
import { describe, expect, test } from 'vitest'
import { dequantize, fakeQuantize, quantize } from './grid.ts'
import { symmetricGrid, uniformGrid } from './make-grid.ts'
import { normal } from './random.fixture.ts'
import { noClippingThreshold, type SearchGridOptions, searchGrid } from './search-grid.ts'

/** Mean |x - q|^p of a whole tensor, slow and sure. */
function error(data: Float32Array, shape: readonly number[], grid: Grid, p = 2): number {
  const q = fakeQuantize(data, shape, grid)
  return data.reduce((sum, x, i) => sum + Math.abs(x - q[i]!) ** p, 0) / data.length
}
/** The least error over 1000 thresholds. */
function scan(data: Float32Array, bits: number, p = 2): number {
  const cover = noClippingThreshold(Math.min(...data), Math.max(...data), bits)
  const errors = Array.from({ length: 1000 }, (_, i) =>
    error(data, [data.length], symmetricGrid({ threshold: (cover * 1.2 * (i + 1)) / 1000, bits }), p),
  )
  return Math.min(...errors)
}
const heavy = (n: number, seed: number) => normal(n, seed).map((x) => x ** 3)
const search = (options: Partial<SearchGridOptions> & { data: Float32Array }): Grid =>
  searchGrid({ shape: [options.data.length], axis: null, bits: 4, scheme: 'symmetric', ...options })

describe.each([2, 3, 4, 8])('with %i bits', (bits) => {
  test.each([9, 64, 600, 3000])(
    'the threshold of %i normal or heavy-tailed weights is as good as a scan of 1000',
    (n) => {
      for (const data of [normal(n, n + bits), heavy(n, n + bits)])
        expect(error(data, [n], search({ data, bits }))).toBeLessThanOrEqual(scan(data, bits) * 1.002)
    },
  )

  test('MAE and LP are as good as a scan in their own measure', () => {
    const data = heavy(400, bits)
    expect(error(data, [400], search({ data, bits, errorMethod: 'MAE' }), 1)).toBeLessThanOrEqual(
      scan(data, bits, 1) * 1.002,
    )
    const lp3 = search({ data, bits, errorMethod: 'LP', lp: 3 })
    expect(error(data, [400], lp3, 3)).toBeLessThanOrEqual(scan(data, bits, 3) * 1.01)
  })

  test('a uniform grid loses less than covering the range, and no more than a symmetric one on lopsided weights', () => {
    const data = heavy(500, bits).map((x) => Math.abs(x) - 0.3)
    const found = error(data, [500], search({ data, bits, scheme: 'uniform' }))
    const covering = uniformGrid({ min: Math.min(...data), max: Math.max(...data), bits })
    expect(found).toBeLessThanOrEqual(error(data, [500], covering))
    expect(found).toBeLessThanOrEqual(error(data, [500], search({ data, bits })))
  })

  test('powers of two are chosen by comparing all of them', () => {
    const data = heavy(300, bits)
    const all = Array.from({ length: 30 }, (_, i) =>
      error(data, [300], symmetricGrid({ threshold: 2 ** (i - 15), bits })),
    )
    expect(error(data, [300], search({ data, bits, scheme: 'powerOfTwo' }))).toBeCloseTo(Math.min(...all), 12)
  })

  test('NOCLIPPING reaches every weight', () => {
    const data = heavy(300, bits)
    for (const scheme of ['symmetric', 'powerOfTwo', 'uniform'] as const) {
      const grid = search({ data, bits, scheme, errorMethod: 'NOCLIPPING' })
      const q = fakeQuantize(data, [300], grid)
      expect(Math.max(...data.map((x, i) => Math.abs(x - q[i]!))) / grid.scale[0]!).toBeLessThanOrEqual(1.0001)
    }
  })

  test('KL gives a grid of sensible size', () => {
    const data = normal(4000, bits)
    const t = search({ data, bits, errorMethod: 'KL' }).scale[0]! * 2 ** (bits - 1)
    expect(t).toBeGreaterThan(0.5)
    expect(t).toBeLessThan(10)
  })
})

test('channels are searched alone, whatever the axis', () => {
  const data = heavy(6 * 4 * 10, 3)
  const grid = searchGrid({ data, shape: [6, 4, 10], axis: 1, bits: 3, scheme: 'symmetric' })
  for (let c = 0; c < 4; c++) {
    const channel = data.filter((_, i) => Math.floor(i / 10) % 4 === c)
    expect(search({ data: channel, bits: 3 }).scale[0]).toBe(grid.scale[c])
  }
})

test('more channels than are gathered at once keep their places', () => {
  const data = normal(5 * 37, 3)
  const grid = searchGrid({ data, shape: [5, 37], axis: 1, bits: 4, scheme: 'uniform' })
  const last = data.filter((_, i) => i % 37 === 36)
  expect(search({ data: last, scheme: 'uniform' }).scale[0]).toBe(grid.scale[36])
})

test('weights that lie on a grid already are kept to the last bit', () => {
  const grid = symmetricGrid({ threshold: 1.7, bits: 4 })
  const data = dequantize(
    Array.from({ length: 160 }, (_, i) => (i % 16) - 8),
    [160],
    grid,
  )
  const found = search({ data })
  expect(error(data, [160], found)).toBeLessThan(1e-13)
  expect(quantize(data, [160], found)).toEqual(quantize(data, [160], grid))
})

test.each(['symmetric', 'uniform', 'powerOfTwo'] as const)(
  'dead and tiny channels get a positive %s scale',
  (scheme) => {
    for (const errorMethod of ['NOCLIPPING', 'MSE', 'MAE', 'LP', 'KL'] as const) {
      const data = Float32Array.of(0, 0, 0, 1e-42, -1e-42, 0, 1, -1, 0.5, 3e38, -3e38, 1e38)
      const { scale } = searchGrid({ data, shape: [4, 3], axis: 0, bits: 8, scheme, errorMethod })
      expect(scale.every((s) => s > 0 && Number.isFinite(s))).toBe(true)
      const q = fakeQuantize(data.subarray(0, 3), [3], symmetricGrid({ threshold: scale[0]! * 128, bits: 8 }))
      expect(q.every((x) => x === 0)).toBe(true)
    }
  },
)

test('weights that are not finite are named', () => {
  for (const bad of [Number.NaN, Infinity, -Infinity])
    expect(() =>
      searchGrid({ data: Float32Array.of(1, 2, 3, bad), shape: [2, 2], axis: 0, bits: 8, scheme: 'symmetric' }),
    ).toThrow(
      expect.objectContaining({
        code: 'WEIGHT_NOT_FINITE',
        message: `Element 1 of channel 1 is ${bad}.`,
        context: { channel: 1, index: 1, value: bad },
      }),
    )
})

test('bits and axis out of range are refused', () => {
  const data = new Float32Array(4)
  expect(() => search({ data, bits: 1 })).toThrow(expect.objectContaining({ code: 'BITS_OUT_OF_RANGE' }))
  expect(() => search({ data, axis: 1 })).toThrow(expect.objectContaining({ code: 'AXIS_OUT_OF_RANGE' }))
  expect(() => search({ data, shape: [5] })).toThrow(expect.objectContaining({ code: 'TENSOR_SIZE' }))
})
