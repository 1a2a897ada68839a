export { type Analysis, type AnalyzeOptions, analyze, type FrontierPoint, measureHessian } from './analyze.ts'
export type { Assignment } from './apply.ts'
export { parseBudget } from './budget.ts'
export type { Candidate, Layer } from './candidates.ts'
export { type Choice, choose, frontierOf } from './choose.ts'
export { compareSessions, type OutputDistance } from './compare.ts'
export type { BitWidthRule, ComputeDistance, CoreConfig, CustomMetric, OutputLoss } from './config.ts'
export type { ActivationEdits, EditRule, WeightEdits } from './edit-rule.ts'
export type { Checkpoint, GraphStage, JobOptions, ResourceUtilization } from './job.ts'
export { runRecord } from './make-run-record.ts'
export type { Agreement } from './neighbourhood/agreement.ts'
export type { RemeasureReport, RemeasureRound } from './neighbourhood/remeasure.ts'
export type { InteractionsReport } from './neighbourhood/report-interactions.ts'
export type { ProgressEvent, Stage } from './progress.ts'
export { type Quantized, type QuantizeOptions, quantize, quantizeFrom } from './quantize.ts'
export { readRunRecord } from './read-run-record.ts'
export type { ActivationReport, LayerReport, QuantizeReport } from './report.ts'
export { reportPage } from './report-page.ts'
export { type ResourceUtilizationData, resourceUtilizationData } from './resource-utilization-data.ts'
export type {
  CandidateGrid,
  NetworkNode,
  OutputSample,
  RunRecord,
  SensitivityRow,
  WeightHistogram,
} from './run-record.ts'
export { checkSamples } from './samples.ts'
export type { Schedule } from './schedule.ts'
export type { ChoiceRequest } from './search.ts'
export type { NodeSimilarity } from './similarity.ts'
export {
  type ActivationsConfig,
  type LevelTable,
  type OperatorSet,
  type TargetPlatform,
  targetPlatform,
  targetPlatforms,
  type WeightsConfig,
  withWeightBits,
} from './target-platform.ts'
export type { Utilization } from './utilization.ts'
export {
  compareWeightings,
  type OutputLayer,
  type WeightingChoice,
  type WeightingComparison,
} from './weightings.ts'
