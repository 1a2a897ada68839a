import fc from 'fast-check'
import { expect, test } from 'vitest'
import { smallest } from './search.ts'

test('the smallest of some errors are those that sorting puts first, the earlier of equals before the later', () => {
  const errors = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 60 })
  fc.assert(
    fc.property(errors, fc.integer({ min: 1, max: 10 }), (list, count) => {
      const sorted = [...list.keys()].sort((a, b) => list[a]! - list[b]! || a - b)
      expect(smallest(Float64Array.from(list), count)).toEqual(sorted.slice(0, count))
    }),
  )
})
