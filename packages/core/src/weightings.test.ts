import { expect, test } from 'vitest'
import { isStarved } from './weightings.ts'

// judge/last-layer of the reference: 2 bits of either are too few, 3 are not.
test.each([
  [2, 8, true],
  [8, 2, true],
  [3, 3, false],
  [2, null, true],
  [8, null, false],
])('weights of %s bits and activations of %s: starved is %s', (weights, activations, starved) => {
  expect(isStarved(weights, activations)).toBe(starved)
})
