import { expect, test } from 'vitest'
import * as api from './index.ts'

test('the package exports these names', () => {
  expect(Object.keys(api).sort()).toMatchInlineSnapshot(`
    [
      "analyze",
      "checkSamples",
      "choose",
      "compareSessions",
      "compareWeightings",
      "frontierOf",
      "measureHessian",
      "parseBudget",
      "quantize",
      "quantizeFrom",
      "readRunRecord",
      "reportPage",
      "resourceUtilizationData",
      "runRecord",
      "targetPlatform",
      "targetPlatforms",
      "withWeightBits",
    ]
  `)
})
