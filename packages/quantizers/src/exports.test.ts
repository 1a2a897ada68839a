import { expect, test } from 'vitest'
import * as api from './index.ts'

test('the public names are these', () => {
  expect(Object.keys(api)).toMatchInlineSnapshot(`
    [
      "activationGrid",
      "activationRange",
      "biasCorrection",
      "compensate",
      "diagonalOf",
      "leastSquares",
      "levelsFor",
      "nearestRounding",
      "refit",
      "refitLevels",
      "startScales",
      "weightRows",
      "compensateUniform",
      "dequantize",
      "fakeQuantize",
      "gridLimits",
      "quantize",
      "mergeHistograms",
      "weightedHistogram",
      "histogramObserver",
      "toHistogram",
      "levelsOf",
      "withMiddles",
      "powerOfTwoGrid",
      "powerOfTwoThreshold",
      "symmetricGrid",
      "uniformGrid",
      "minMaxObserver",
      "movingMeanObserver",
      "packBits",
      "unpackBits",
      "paddedWidth",
      "pickReconstructKernel",
      "roundHalfEven",
      "noClippingThreshold",
      "searchGrid",
      "searchLevels",
      "zScoreFilter",
    ]
  `)
})
