import { expect, test } from 'vitest'
import * as api from './index.ts'

test('the package exports these names', () => {
  expect(Object.keys(api).sort()).toMatchInlineSnapshot(`
    [
      "centreCrop",
      "constantInput",
      "encodeNpy",
      "encodeNpz",
      "inputSpecs",
      "isArrayDType",
      "isPicture",
      "match",
      "numberAt",
      "parseJson",
      "parseLabels",
      "parseNpy",
      "parseNpz",
      "parseRaw",
      "pictureExtensions",
      "pixelsToTensor",
      "placement",
      "planPixels",
      "presets",
      "randomSamples",
      "readInputs",
      "resolveShape",
      "rgbaToPixels",
      "spread",
      "tensorToRgba",
    ]
  `)
})
