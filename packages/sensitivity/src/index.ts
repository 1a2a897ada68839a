export type { CheckpointStore } from './checkpoint.ts'
export { type CustomSweepLayer, type CustomSweepOptions, customSweep } from './custom-sweep.ts'
export {
  cosine,
  type Distance,
  type DistanceName,
  distances,
  kl,
  klLogits,
  lpNorm,
  mae,
  mse,
  nmse,
  nmseNorm,
} from './distances.ts'
export { type HessianOptions, type HessianScore, hessianScores } from './hessian.ts'
export { type InterestPoint, interestPoints, spread } from './interest-points.ts'
export { type NodeMetrics, type NormalizeOptions, normalizeMetrics } from './normalize.ts'
export { type OutputLoss, outputLossOf } from './output-loss.ts'
export {
  type SweepCandidate,
  type SweepLayer,
  type SweepOptions,
  type SweepProgress,
  sweep,
} from './sweep.ts'
export {
  type CandidateDistances,
  type FewPoints,
  type SamplesNeededOptions,
  type SensitivityOptions,
  type SensitivityTable,
  samplesNeeded,
  sensitivities,
} from './table.ts'
export { MpDistanceWeighting, type WeighOptions, weigh } from './weighting.ts'
