import { expect, test } from 'vitest'
import * as api from './index.ts'

test('the package exports these names', () => {
  expect(Object.keys(api).sort()).toMatchInlineSnapshot(`
    [
      "analyze",
      "checkSamples",
      "compareSessions",
      "compareWeightings",
      "parseBudget",
      "quantize",
      "resourceUtilizationData",
      "targetPlatform",
      "targetPlatforms",
      "withWeightBits",
    ]
  `)
})
