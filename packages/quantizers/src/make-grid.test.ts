import fc from 'fast-check'
import { expect, test } from 'vitest'
import { quantize } from './grid.ts'
import { powerOfTwoGrid, powerOfTwoThreshold, symmetricGrid, uniformGrid } from './make-grid.ts'

test('the power-of-two threshold is the least power of two that covers the value', () => {
  fc.assert(
    fc.property(fc.double({ min: 2 ** -15, max: 1e30, noNaN: true }), (x) => {
      const t = powerOfTwoThreshold(x)
      expect(t >= x && t / 2 < x && Number.isInteger(Math.log2(t))).toBe(true)
    }),
  )
  for (let e = -16; e < 100; e++) expect(powerOfTwoThreshold(2 ** e)).toBe(2 ** e)
  expect(powerOfTwoGrid({ threshold: 3, bits: 8 })).toEqual(symmetricGrid({ threshold: 4, bits: 8 }))
})

test('zero is on every uniform grid', () => {
  const end = fc.float({ min: -100, max: 100, noNaN: true })
  fc.assert(
    fc.property(end, end, fc.integer({ min: 2, max: 16 }), (a, b, bits) => {
      const grid = uniformGrid({ min: Math.min(a, b), max: Math.max(a, b), bits })
      expect(quantize(Float32Array.of(0), [1], grid)[0]).toBe(grid.zeroPoint[0])
      expect(grid.scale[0]).toBeGreaterThan(0)
      expect(grid.zeroPoint[0]! >= 0 && grid.zeroPoint[0]! <= 2 ** bits - 1).toBe(true)
    }),
  )
})

test('bad parameters are refused by name', () => {
  const code = (name: string) => expect.objectContaining({ name: 'MixbitError', code: name })
  for (const bits of [1, 17, 4.5, Number.NaN])
    expect(() => symmetricGrid({ threshold: 1, bits })).toThrow(code('BITS_OUT_OF_RANGE'))
  for (const threshold of [0, -1, Number.NaN, Infinity])
    expect(() => symmetricGrid({ threshold, bits: 8 })).toThrow(code('THRESHOLD_INVALID'))
  expect(() => symmetricGrid({ threshold: [1, 2], bits: 8 })).toThrow(code('GRID_SIZE'))
  expect(() => uniformGrid({ min: [0, 0], max: [1], bits: 8, axis: 0 })).toThrow(code('GRID_SIZE'))
  expect(() => uniformGrid({ min: 2, max: 1, bits: 8 })).toThrow(code('RANGE_INVALID'))
  expect(() => uniformGrid({ min: 0, max: Infinity, bits: 8 })).toThrow(code('RANGE_INVALID'))
})
