import { expect, test } from 'vitest'
import * as api from './index.ts'

test('the public names are these', () => {
  expect(Object.keys(api)).toMatchInlineSnapshot(`
    [
      "activationGrid",
      "activationRange",
      "biasCorrection",
      "dequantize",
      "fakeQuantize",
      "gridLimits",
      "quantize",
      "mergeHistograms",
      "weightedHistogram",
      "histogramObserver",
      "toHistogram",
      "powerOfTwoGrid",
      "powerOfTwoThreshold",
      "symmetricGrid",
      "uniformGrid",
      "minMaxObserver",
      "movingMeanObserver",
      "packBits",
      "unpackBits",
      "roundHalfEven",
      "noClippingThreshold",
      "searchGrid",
      "zScoreFilter",
    ]
  `)
})
