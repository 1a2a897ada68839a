import { expect, test } from 'vitest'
import { type CoreConfig, fullConfig } from './config.ts'

const thrown = (run: () => unknown): { code: string; message: string; hint?: string } => {
  try {
    run()
  } catch (error) {
    return error as { code: string; message: string }
  }
  throw new Error('Nothing was thrown.')
}

test('an empty config gets the defaults of MCT', () => {
  const { mixedPrecisionConfig, quantizationConfig } = fullConfig()
  expect(mixedPrecisionConfig).toMatchObject({
    distanceWeightingMethod: 'AVG',
    numOfImages: 32,
    metricEpsilon: 1e-6,
    metricNormalizationThreshold: 1e10,
    expDistanceWeightingSigma: 0.1,
  })
  expect(quantizationConfig).toMatchObject({
    weightsErrorMethod: 'MSE',
    weightsBiasCorrection: true,
    zThreshold: Number.POSITIVE_INFINITY,
  })
})

test('all faults of a config are listed at once, with their paths', () => {
  const config = {
    mixedPrecisionConfig: {
      numOfImages: 0,
      numInterestPointsFactor: 1.5,
      distanceWeightingMethod: 'MEDIAN',
      expDistanceWeightingSigma: -1,
    },
    bitWidthConfig: { weights: [{ match: {}, bits: 4 }] },
    quantisationConfig: {},
  } as unknown as CoreConfig
  const error = thrown(() => fullConfig(config))
  expect(error.code).toBe('CONFIG_INVALID')
  for (const part of [
    'numOfImages',
    'numInterestPointsFactor',
    'distanceWeightingMethod',
    'expDistanceWeightingSigma',
    'bitWidthConfig.weights.0.match',
    'quantisationConfig',
  ])
    expect(error.message).toContain(part)
})
