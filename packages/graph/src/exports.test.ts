import { expect, test } from 'vitest'
import * as api from './index.ts'

test('exported names', () => {
  expect(Object.keys(api).sort()).toMatchInlineSnapshot(`
    [
      "MixbitError",
      "bitsOf",
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
      "mergeActivation",
      "nodeById",
      "onlyTheirValues",
      "opKinds",
      "parseGraph",
      "printGraph",
      "producers",
      "pruneUnused",
      "readsOf",
      "replaceValues",
      "rewrite",
      "sizeOf",
      "toF32",
      "verify",
    ]
  `)
})
