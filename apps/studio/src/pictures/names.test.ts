import fc from 'fast-check'
import { expect, test } from 'vitest'
import { shortNames } from './names.ts'

test('what all names begin with goes, up to a separator', () => {
  expect(shortNames(['model/layer1/conv', 'model/layer1/relu', 'model/layer2/conv'])).toEqual([
    'layer1/conv',
    'layer1/relu',
    'layer2/conv',
  ])
  expect(shortNames(['conv1', 'conv2'])).toEqual(['conv1', 'conv2'])
  expect(shortNames(['a/b'])).toEqual(['a/b'])
})

test('different names stay different, and none becomes empty', () => {
  const name = fc
    .array(fc.constantFrom('a', 'b', '/', '.'), { minLength: 1, maxLength: 8 })
    .map((parts) => parts.join(''))
  fc.assert(
    fc.property(fc.uniqueArray(name, { minLength: 1, maxLength: 8 }), (names) => {
      const short = shortNames(names)
      expect(new Set(short).size).toBe(names.length)
      for (const [i, one] of short.entries()) expect(one.length > 0 && names[i]!.endsWith(one)).toBe(true)
    }),
  )
})
