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
    weightsChannelCoupling: 'measured',
    zThreshold: Number.POSITIVE_INFINITY,
  })
})

test('OUTPUT looks at more samples unless told otherwise', () => {
  const count = (mixedPrecisionConfig: CoreConfig['mixedPrecisionConfig']) =>
    fullConfig({ mixedPrecisionConfig }).mixedPrecisionConfig.numOfImages
  expect(count({ distanceWeightingMethod: 'OUTPUT' })).toBe(128)
  expect(count({ distanceWeightingMethod: 'OUTPUT', numOfImages: 32 })).toBe(32)
  expect(count({ distanceWeightingMethod: 'BEST' })).toBe(32)
})

test('a number of samples that is given is taken as it is', () => {
  const tolerance = (mixedPrecisionConfig: CoreConfig['mixedPrecisionConfig']) =>
    fullConfig({ mixedPrecisionConfig }).mixedPrecisionConfig.sensitivityTolerance
  expect(tolerance({})).toBe(0.1)
  expect(tolerance({ distanceWeightingMethod: 'OUTPUT' })).toBe(0.1)
  expect(tolerance({ numOfImages: 32 })).toBe(0)
  expect(tolerance({ distanceWeightingMethod: 'BEST' })).toBe(0)
  expect(tolerance({ useHessianBasedScores: true })).toBe(0)
  expect(tolerance({ numOfImages: 200, sensitivityTolerance: 0.05 })).toBe(0.05)
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

/** Every option with values that it cannot have. */
const wrong: readonly (readonly [section: keyof CoreConfig, option: string, ...values: unknown[]])[] = [
  ['quantizationConfig', 'weightsErrorMethod', 'BEST', 'mse', 1],
  ['quantizationConfig', 'activationErrorMethod', 'BEST', null],
  ['quantizationConfig', 'weightsRounding', 'gptq', true],
  ['quantizationConfig', 'weightsBiasCorrection', 'yes', 1],
  ['quantizationConfig', 'weightsChannelCoupling', 'yes', 1],
  ['quantizationConfig', 'lPValue', 0, -2, Number.POSITIVE_INFINITY, '2'],
  ['quantizationConfig', 'zThreshold', 0, -1, Number.NaN, '16'],
  ['quantizationConfig', 'weightsSecondMomentCorrection', 'yes', 0],
  ['quantizationConfig', 'activationBiasCorrection', 1, null],
  ['quantizationConfig', 'activationBiasCorrectionThreshold', -1, Number.NaN, '5'],
  ['quantizationConfig', 'shiftNegativeActivationCorrection', null, 'on'],
  ['quantizationConfig', 'shiftNegativeRatio', -0.05, Number.POSITIVE_INFINITY, '5%'],
  ['quantizationConfig', 'shiftNegativeThresholdRecalculation', 'false'],
  ['quantizationConfig', 'shiftNegativeParamsSearch', 0],
  ['quantizationConfig', 'activationChannelEqualization', {}],
  ['quantizationConfig', 'reluBoundToPowerOf2', 8],
  ['quantizationConfig', 'concatThresholdUpdate', 'max'],
  ['quantizationConfig', 'softmaxShift', []],
  ['quantizationConfig', 'linearCollapsing', 'no'],
  ['quantizationConfig', 'residualCollapsing', 0],
  ['mixedPrecisionConfig', 'distanceWeightingMethod', 'LAST', 'avg', 1, null],
  ['mixedPrecisionConfig', 'numOfImages', 0, -1, 1.5, '32', Number.NaN],
  ['mixedPrecisionConfig', 'sensitivityTolerance', -0.1, 1.1, '10%', Number.NaN],
  ['mixedPrecisionConfig', 'numInterestPointsFactor', 0, 1.01, -0.5, Number.NaN, '1'],
  ['mixedPrecisionConfig', 'metricNormalization', 'MAX', true],
  ['mixedPrecisionConfig', 'metricEpsilon', -1e-6, Number.POSITIVE_INFINITY, '0'],
  ['mixedPrecisionConfig', 'metricNormalizationThreshold', 0, -1e10, Number.NaN],
  ['mixedPrecisionConfig', 'expDistanceWeightingSigma', 0, -0.1, Number.POSITIVE_INFINITY],
  ['mixedPrecisionConfig', 'computeDistanceFn', 'mse', {}],
  ['mixedPrecisionConfig', 'customMetricFn', 'accuracy', 3],
  ['mixedPrecisionConfig', 'outputLossFn', 'accuracy', 3],
  ['mixedPrecisionConfig', 'interactions', 'yes', 1],
  ['mixedPrecisionConfig', 'remeasure', -1, 1.5, '3', true],
  ['mixedPrecisionConfig', 'memoryLimit', 0, -1, '256 MB'],
  ['mixedPrecisionConfig', 'keepAllDistances', 'true'],
  ['mixedPrecisionConfig', 'useHessianBasedScores', 1],
  ['mixedPrecisionConfig', 'hessianBatchSize', 0, 2.5],
  ['mixedPrecisionConfig', 'refineMpSolution', 'no'],
  ['mixedPrecisionConfig', 'normScores', 'yes'],
  ['mixedPrecisionConfig', 'configurationOverwrite', [0.5], { conv: '8' }, 8, 'all 8'],
  ['bitWidthConfig', 'weights', {}, [{ bits: 8 }], [{ match: {}, bits: 8 }], [{ match: { name: 'a' }, bits: 0 }]],
  ['bitWidthConfig', 'activations', 8, [{ match: { nmae: 'a' }, bits: 8 }], [{ match: { name: 'a' }, bits: 17 }]],
  ['debugConfig', 'bypass', 'no'],
  ['debugConfig', 'analyzeSimilarity', 1],
  ['debugConfig', 'simulateScheduler', null],
  ['debugConfig', 'networkEditor', {}, [{}], [{ filter: { name: 1 }, actions: { biasCorrection: false } }]],
]

test('the table of wrong values has every option', () => {
  const { success: _, ...sections } = { success: true, ...fullConfig() }
  const optional = [
    'distanceWeightingMethod',
    'computeDistanceFn',
    'customMetricFn',
    'outputLossFn',
    'normScores',
    'configurationOverwrite',
  ]
  const names = Object.values(sections).flatMap((section) => Object.keys(section))
  expect(wrong.map(([, option]) => option).sort()).toEqual([...new Set([...names, ...optional])].sort())
})

test.each(wrong)('%s.%s is refused with its path for each wrong value', (section, option, ...values) => {
  for (const value of values) {
    const { code, message } = thrown(() => fullConfig({ [`${section}`]: { [`${option}`]: value } }))
    expect([code, message]).toEqual(['CONFIG_INVALID', expect.stringContaining(`${section}.${option}`)])
  }
})

test('all options wrong at once are all listed, and so are sections that are none', () => {
  const config: Record<string, Record<string, unknown>> = {}
  for (const [section, option, value] of wrong) config[section] = { ...config[section], [option]: value }
  const { message } = thrown(() => fullConfig(config))
  for (const [section, option] of wrong) expect(message).toContain(`${section}.${option}`)
  for (const section of ['quantizationConfig', 'mixedPrecisionConfig', 'bitWidthConfig', 'debugConfig'])
    for (const value of [3, 'AVG', null])
      expect(thrown(() => fullConfig({ [section]: value } as CoreConfig)).message).toContain(section)
  for (const value of [3, 'AVG', null])
    expect(thrown(() => fullConfig(value as CoreConfig)).code).toBe('CONFIG_INVALID')
})

test('the corrections have the defaults of MCT', () => {
  expect(fullConfig().quantizationConfig).toMatchObject({
    weightsSecondMomentCorrection: false,
    activationBiasCorrection: false,
    activationBiasCorrectionThreshold: 0,
    shiftNegativeActivationCorrection: true,
    shiftNegativeRatio: 0.05,
    shiftNegativeThresholdRecalculation: false,
    shiftNegativeParamsSearch: false,
    activationChannelEqualization: false,
    reluBoundToPowerOf2: false,
    concatThresholdUpdate: false,
    softmaxShift: false,
  })
})
