import { existsSync, readFileSync } from 'node:fs'
import { fakeQuantize, histogramObserver, symmetricGrid, toHistogram } from '@mixbit/quantizers'
import { expect, test } from 'vitest'
import { negativeShift, searchShift } from './negative-shift.ts'

const file = '../shared/reference/cases.json'

test.skipIf(!existsSync(file))('snc/shift of the reference', () => {
  const { cases } = JSON.parse(readFileSync(file, 'utf8'))
  const { inputs, expected } = cases.find(({ name }: { name: string }) => name === 'snc/shift')
  const { min, threshold, n_bits: bits, shift_negative_ratio: ratio } = inputs
  expect(negativeShift({ min, threshold, bits, ratio })).toBeCloseTo(expected.shift, 9)
})

test('the shift is the least point of the unsigned grid that lifts all above zero', () => {
  for (const [min, threshold, bits] of [
    [-0.278, 8, 8],
    [-0.17, 4, 4],
    [-0.375, 7.3, 8],
    [-0.1, 2.7, 16],
    [Math.fround(-0.3), 0.3 * 16, 4],
  ] as const) {
    const shift = negativeShift({ min, threshold, bits, ratio: 1 })!
    const step = threshold / 2 ** bits
    expect(shift).toBeGreaterThanOrEqual(-min)
    expect(shift).toBeLessThan(-min + step * 1.001)
    expect(Math.abs(shift / step - Math.round(shift / step))).toBeLessThan(1e-3)
  }
})

test.each([
  ['nothing is negative', { min: 0, threshold: 4, bits: 8, ratio: 0.05 }],
  ['too much is negative', { min: -0.3, threshold: 4, bits: 8, ratio: 0.05 }],
  ['no point of the grid reaches so far', { min: -4, threshold: 4, bits: 8, ratio: 1 }],
  ['the ratio is 0', { min: -0.01, threshold: 4, bits: 8, ratio: 0 }],
])('there is no shift when %s', (_, options) => {
  expect(negativeShift(options)).toBeNull()
})

test('the search finds the pair with the least error of all shifts and both thresholds', () => {
  const silu = Float32Array.from({ length: 4000 }, (_, i) => {
    const x = ((i * 37) % 4000) / 400 - 5
    return x / (1 + Math.exp(-x))
  })
  const observer = histogramObserver({ bins: 256 })
  const histogram = toHistogram(observer.observe(observer.empty, silu))
  const error = (shift: number, threshold: number) => {
    const grid = symmetricGrid({ threshold, bits: 4, signed: false })
    const x = Float32Array.from(histogram.counts, (_, i) => (histogram.edges[i]! + histogram.edges[i + 1]!) / 2 + shift)
    return fakeQuantize(x, [x.length], grid).reduce((sum, q, i) => sum + histogram.counts[i]! * (q - x[i]!) ** 2, 0)
  }
  for (const threshold of [2, 4, 8]) {
    const found = searchShift(histogram, { min: histogram.min!, threshold, bits: 4 })
    const all = [threshold, 2 * threshold].flatMap((t) => Array.from({ length: 16 }, (_, k) => error((k * t) / 16, t)))
    expect(error(found.shift, found.threshold)).toBeCloseTo(Math.min(...all), 5)
  }
})
