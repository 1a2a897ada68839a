export { type ActivationGridOptions, type ActivationRange, activationGrid, activationRange } from './activation.ts'
export { type BiasCorrectionOptions, biasCorrection } from './bias-correction.ts'
export { type Compensated, type CompensateOptions, compensate, nearestRounding } from './compensate.ts'
export { type CompensatedUniform, compensateUniform, type UniformOptions } from './compensate-uniform.ts'
export { type CoupleOptions, canCouple, coupleRows } from './couple-rows.ts'
export type { ErrorMethod } from './error-method.ts'
export { dequantize, fakeQuantize, gridLimits, type QuantizeOptions, quantize } from './grid.ts'
export { type Histogram, mergeHistograms, weightedHistogram } from './histogram.ts'
export { type HistogramState, histogramObserver, toHistogram } from './histogram-observer.ts'
export { diagonalOf, leastSquares, refit, type WeightRows, weightRows } from './least-squares.ts'
export { levelsOf, type TableScheme, withMiddles } from './levels.ts'
export {
  type PerChannel,
  powerOfTwoGrid,
  powerOfTwoThreshold,
  symmetricGrid,
  type ThresholdGridOptions,
  type UniformGridOptions,
  uniformGrid,
} from './make-grid.ts'
export { type MinMaxState, minMaxObserver } from './min-max-observer.ts'
export { type MeanState, movingMeanObserver } from './moving-mean-observer.ts'
export type { Observer } from './observer.ts'
export { type PackedBits, packBits, unpackBits } from './pack.ts'
export { paddedWidth } from './padded.ts'
export {
  type Factored,
  pickReconstructKernel,
  type ReconstructKernel,
} from './reconstruct-kernel.ts'
export { roundHalfEven } from './round.ts'
export { type CountedRows, levelsFor, refitLevels, startScales } from './row-levels.ts'
export { noClippingThreshold, type Scheme, type SearchGridOptions, searchGrid } from './search-grid.ts'
export { type SearchLevelsOptions, searchLevels } from './search-levels.ts'
export { zScoreFilter } from './z-score-filter.ts'
