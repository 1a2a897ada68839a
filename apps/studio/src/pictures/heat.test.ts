import fc from 'fast-check'
import { expect, test } from 'vitest'
import { heatScale, heatTicks } from './heat.ts'

test('the scale is logarithmic from the least to the greatest positive value', () => {
  const scale = heatScale([0, null, 1e-4, 1e-2, 1, Number.POSITIVE_INFINITY])
  expect([scale.min, scale.max]).toEqual([1e-4, 1])
  expect([1e-4, 1e-2, 1, 0, 100].map(scale.at)).toEqual([0, 0.5, 1, 0, 1])
  expect(scale.colour(1e-2)).toBe('color-mix(in oklab, var(--heat-1) 50%, var(--heat-0))')
})

test('with nothing positive everything is harmless, and there is no legend', () => {
  const scale = heatScale([0, null])
  expect([scale.at(0), scale.at(1), heatTicks(scale)]).toEqual([0, 0, []])
})

test('a larger value is never drawn as less harmful', () => {
  const positive = fc.double({ min: 1e-9, max: 1e6, noNaN: true })
  fc.assert(
    fc.property(fc.array(positive, { minLength: 1 }), positive, positive, (values, a, b) => {
      const { at } = heatScale(values)
      expect(at(Math.max(a, b))).toBeGreaterThanOrEqual(at(Math.min(a, b)))
    }),
  )
})

test('the legend has powers of ten, at most six, within the scale', () => {
  expect(heatTicks({ min: 3e-4, max: 2 })).toEqual([1e-3, 1e-2, 1e-1, 1])
  expect(heatTicks({ min: 0.2, max: 0.7 })).toEqual([0.2, 0.7])
  fc.assert(
    fc.property(
      fc.double({ min: 1e-12, max: 1, noNaN: true }),
      fc.double({ min: 1, max: 1e12, noNaN: true }),
      (min, max) => {
        const ticks = heatTicks({ min, max })
        expect(ticks.length).toBeLessThanOrEqual(6)
        for (const tick of ticks) expect(tick >= min * 0.999 && tick <= max * 1.001).toBe(true)
      },
    ),
  )
})
