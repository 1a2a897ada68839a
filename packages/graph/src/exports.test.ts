import { expect, test } from 'vitest'
import * as api from './index.ts'

test('exported names', () => {
  expect(Object.keys(api).sort()).toMatchInlineSnapshot(`
    [
      "MixbitError",
      "bitsOf",
      "canShift",
      "collapseLinear",
      "collapseResidual",
      "consumers",
      "cut",
      "downstream",
      "f16ToF32",
      "f32",
      "f32ToF16",
      "foldBatchNorm",
      "foldConstants",
      "isHomogeneous",
      "linearLayer",
      "mergeActivation",
      "nodeById",
      "onlyTheirValues",
      "opKinds",
      "originOf",
      "parseGraph",
      "printGraph",
      "producers",
      "pruneUnused",
      "readsOf",
      "reluBoundToPowerOf2",
      "replaceValues",
      "rewrite",
      "scalablePairs",
      "scaleChannels",
      "shiftActivation",
      "sizeOf",
      "toF32",
      "verify",
      "withLayer",
    ]
  `)
})
