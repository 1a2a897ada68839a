import { expect, test } from 'vitest'
import * as api from './index.ts'

test('the package exports these names', () => {
  expect(Object.keys(api).sort()).toMatchInlineSnapshot(`
    [
      "MpDistanceWeighting",
      "cosine",
      "customSweep",
      "distances",
      "hessianScores",
      "interestPoints",
      "kl",
      "klLogits",
      "lpNorm",
      "mae",
      "mse",
      "nmse",
      "nmseNorm",
      "normalizeMetrics",
      "outputLossOf",
      "samplesNeeded",
      "sensitivities",
      "spread",
      "sweep",
      "weigh",
    ]
  `)
})
