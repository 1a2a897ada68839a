import { expect, test } from 'vitest'
import { activationGrid, activationRange } from './activation.ts'
import { fakeQuantize } from './grid.ts'
import { histogramObserver, toHistogram } from './histogram-observer.ts'
import { symmetricGrid, uniformGrid } from './make-grid.ts'
import { normal } from './random.fixture.ts'

const { empty, observe } = histogramObserver()
const histogramOf = (x: Float32Array) => toHistogram(observe(empty, x))
const relu = normal(20000, 1).map((x) => Math.max(0, x ** 3))
const swish = normal(20000, 2).map((x) => (3 * x) / (1 + Math.exp(-3 * x)))
const mse = (x: Float32Array, grid: Parameters<typeof fakeQuantize>[2]) => {
  const q = fakeQuantize(x, [x.length], grid)
  return x.reduce((sum, v, i) => sum + (v - q[i]!) ** 2, 0) / x.length
}

test.each([2, 4, 8])('with %i bits a searched grid is as good on the values as a scan of ranges', (bits) => {
  for (const x of [relu, swish]) {
    const [min, max] = [x.reduce((a, b) => Math.min(a, b)), x.reduce((a, b) => Math.max(a, b))]
    const ratios = Array.from({ length: 100 }, (_, i) => (i + 1) / 90)
    const uniform = ratios.map((r) => mse(x, uniformGrid({ min, max: max * r, bits })))
    const signed = min < 0
    const symmetric = ratios.map((r) => mse(x, symmetricGrid({ threshold: max * r, bits, signed })))
    const histogram = histogramOf(x)
    expect(mse(x, activationGrid({ histogram, bits, scheme: 'uniform' }))).toBeLessThan(Math.min(...uniform) * 1.02)
    expect(mse(x, activationGrid({ histogram, bits, scheme: 'symmetric' }))).toBeLessThan(Math.min(...symmetric) * 1.02)
  }
})

test('values from zero up give an unsigned grid with zero point 0', () => {
  expect(activationGrid({ histogram: histogramOf(relu), bits: 8, scheme: 'symmetric' }).signed).toBe(false)
  expect(activationGrid({ histogram: histogramOf(relu), bits: 8, scheme: 'uniform' }).zeroPoint[0]).toBe(0)
  expect(activationGrid({ histogram: histogramOf(swish), bits: 8, scheme: 'symmetric' }).signed).toBe(true)
})

test('NOCLIPPING, and minimum and maximum without a histogram, cover what was seen', () => {
  const histogram = histogramOf(swish)
  const { min, max } = histogram
  expect(activationRange({ histogram, bits: 8, scheme: 'uniform', errorMethod: 'NOCLIPPING' })).toMatchObject({
    min,
    max,
  })
  expect(activationRange({ min: -1, max: 3, bits: 8, scheme: 'powerOfTwo' })).toEqual({ min: -4, max: 4, signed: true })
})

test('at 16 bits the search does not clip: bins are wider than steps and say nothing about rounding', () => {
  const { max } = activationRange({ histogram: histogramOf(relu), bits: 16, scheme: 'uniform' })
  expect(max / Math.max(...relu)).toBeGreaterThan(0.98)
})

test('every method gives a finite grid for every scheme, and for an activation that is always zero', () => {
  for (const x of [swish, new Float32Array(10)])
    for (const scheme of ['symmetric', 'uniform', 'powerOfTwo'] as const)
      for (const errorMethod of ['NOCLIPPING', 'MSE', 'MAE', 'LP', 'KL'] as const) {
        const { scale } = activationGrid({ histogram: histogramOf(x), bits: 8, scheme, errorMethod })
        expect(scale[0]! > 0 && scale[0]! < 1).toBe(true)
      }
})

test('nothing observed, or a range upside down, is refused', () => {
  expect(() => activationGrid({ bits: 8, scheme: 'uniform' })).toThrow(
    expect.objectContaining({ code: 'OBSERVATION_EMPTY' }),
  )
  expect(() => activationGrid({ min: 1, max: 0, bits: 8, scheme: 'uniform' })).toThrow(
    expect.objectContaining({ code: 'RANGE_INVALID' }),
  )
})
