import fc from 'fast-check'
import { expect, test } from 'vitest'
import { levelsOf, nearestLevel, withMiddles } from './levels.ts'

test('the nearest level is the one that a look at all of them finds, equally spaced or not; ties go down', () => {
  const spaced = fc
    .integer({ min: 1, max: 8 })
    .map((bits) => levelsOf('symmetric', bits))
    .filter((levels) => levels.length > 1)
  const any = fc.uniqueArray(fc.integer({ min: -127, max: 127 }), { minLength: 2, maxLength: 200 })
  const numbers = fc.oneof(
    fc.float(),
    fc.integer({ min: -260, max: 260 }).map((n) => n / 2),
    fc.constant(Number.NaN),
  )
  fc.assert(
    fc.property(fc.oneof(spaced, any), numbers, (unsorted, v) => {
      const levels = [...unsorted].sort((a, b) => a - b)
      const { middles } = withMiddles(levels)
      expect(nearestLevel(v, middles)).toBe(middles.filter((middle) => middle < v).length)
    }),
    { numRuns: 2000 },
  )
})
