// What the page and the worker say to each other: plain messages with ids. Nothing else crosses the border.
import type {
  Choice,
  CoreConfig,
  FrontierPoint,
  ProgressEvent,
  ResourceUtilization,
  RunRecord,
  TargetPlatform,
} from '@mixbit/core'
import type { Dim } from '@mixbit/graph'
import type { ImageFlags } from '@mixbit/inputs'

/** A `MixbitError` (or any other) as data. */
export interface Problem {
  readonly code: string
  readonly message: string
  readonly hint: string | null
}

export type Format = 'onnx' | 'tfjs'

/** `files`: what was dropped; a folder's files have their path in it as name. */
export type ModelSource = { readonly example: Format } | { readonly files: readonly NamedFile[] }

export interface NamedFile {
  readonly name: string
  readonly file: File
}

export interface InputInfo {
  readonly name: string
  readonly dtype: string
  /** null: unknown rank. */
  readonly shape: readonly Dim[] | null
  /** True when pictures fit: four axes, 1 or 3 channels. */
  readonly picture: boolean
}

export interface ModelSummary {
  readonly format: Format
  /** As the graph says, or the file. */
  readonly name: string
  readonly file: string
  readonly example: boolean
  readonly bytes: number
  readonly nodes: number
  /** Elements of all constants of float type. */
  readonly parameters: number
  readonly inputs: readonly InputInfo[]
  readonly outputs: readonly InputInfo[]
  /** Operators by how often they occur, the most frequent first. */
  readonly operators: readonly { readonly op: string; readonly count: number }[]
  readonly platforms: readonly PlatformInfo[]
}

export interface PlatformInfo {
  readonly name: TargetPlatform['name']
  readonly description: string
  readonly quantizesActivations: boolean
}

export type Role = 'calibration' | 'test'

export interface DataRequest {
  readonly role: Role
  readonly source: { readonly example: true } | { readonly files: readonly NamedFile[] }
  /** Class indices of the samples, for accuracy. */
  readonly labels: File | null
  readonly image: ImageFlags
  /** At most so many samples. */
  readonly samples: number
}

/** One sample as the network sees it: its numbers, spread to 0..255. */
export interface Preview {
  readonly name: string
  readonly width: number
  readonly height: number
  readonly rgba: Uint8ClampedArray<ArrayBuffer>
}

export interface DataSummary {
  readonly role: Role
  readonly kind: 'pictures' | 'arrays'
  readonly example: boolean
  readonly samples: number
  readonly labelled: boolean
  /** Of the first input, over all samples. */
  readonly range: { readonly min: number; readonly max: number; readonly mean: number }
  readonly previews: readonly Preview[]
  readonly warnings: readonly string[]
}

export type Resource = keyof ResourceUtilization
export type Rounding = NonNullable<NonNullable<CoreConfig['quantizationConfig']>['weightsRounding']>

/** What is measured; a change needs a new sweep. */
export interface SweepSettings {
  readonly targetPlatform: string
  readonly numOfImages: number
  readonly weightsRounding: Rounding
  /** Budgets that may be set later. */
  readonly resources: readonly Resource[]
}

export interface LayerInfo {
  readonly node: string
  readonly kind: string
  readonly shape: readonly number[]
  readonly floatBytes: number
  readonly candidates: readonly { readonly bits: number; readonly bytes: number }[]
}

export interface AnalysisSummary {
  readonly layers: readonly LayerInfo[]
  readonly activations: readonly { readonly value: string; readonly candidates: readonly number[] }[]
  readonly sensitivity: NonNullable<RunRecord['sensitivity']>
  /** Of the float model, where it is known. */
  readonly float: Readonly<Partial<Record<Resource, number | null>>>
  /** Rows that an earlier, interrupted sweep had measured. */
  readonly resumedRows: number
  readonly hessianMeasured: boolean
  readonly milliseconds: number
}

export const weightings = ['AVG', 'LAST_LAYER', 'EXP', 'HESSIAN', 'OUTPUT'] as const
export type Method = (typeof weightings)[number]

export interface Weighting {
  readonly method: Method
  /** Of EXP. */
  readonly sigma: number
}

/** Upper limits, as the user wrote them. */
export type Budgets = Readonly<Partial<Record<Resource, number | string>>>

export interface SolveRequest {
  readonly budgets: Budgets
  /** One or two, side by side. */
  readonly weightings: readonly Weighting[]
}

export interface Solved {
  /** What was solved for, one by one as the choices. */
  readonly weightings: readonly Weighting[]
  readonly choices: readonly Choice[]
  /** Bytes (or bit operations) of every limit. */
  readonly limits: Readonly<Partial<Record<Resource, number>>>
  readonly milliseconds: number
}

/** What one weighting makes of the stored distances, whatever the budget. */
export interface Curve {
  /** Cheapest first. */
  readonly points: readonly FrontierPoint[]
  /** Sensitivity of every candidate: rows as those of the sweep. */
  readonly sensitivity: readonly (readonly number[])[]
}

/** What a weighting would choose at this budget, with the loss that the sweep predicts for its outputs. */
export interface Rival {
  readonly weighting: Weighting
  readonly choice: Choice
  readonly loss: number
}

export interface QuantizeRequest {
  readonly budgets: Budgets
  readonly weighting: Weighting
}

export interface Result {
  readonly record: RunRecord
  readonly weighting: Weighting
  /** Share of right answers on the labelled test data; null without labels. */
  readonly accuracy: { readonly float: number; readonly quantized: number; readonly samples: number } | null
  /** ONNX: one file; TF.js: a zip of model.json and its shards. */
  readonly file: { readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> }
  readonly milliseconds: number
}

/** The tasks of the worker: argument and answer. */
export interface Tasks {
  openModel(source: ModelSource): ModelSummary
  loadData(request: DataRequest): DataSummary
  exportData(role: Role): Uint8Array<ArrayBuffer>
  analyze(settings: SweepSettings): AnalysisSummary
  measureHessian(settings: null): AnalysisSummary
  solve(request: SolveRequest): Solved
  curve(weighting: Weighting): Curve
  rivals(request: { readonly budgets: Budgets; readonly sigma: number }): readonly Rival[]
  quantize(request: QuantizeRequest): Result
}

export type TaskName = keyof Tasks
export type Argument<K extends TaskName> = Parameters<Tasks[K]>[0]
export type Answer<K extends TaskName> = ReturnType<Tasks[K]>

export type ToWorker =
  | { [K in TaskName]: { readonly id: number; readonly task: K; readonly argument: Argument<K> } }[TaskName]
  | { readonly id: number; readonly cancel: true }

export type FromWorker =
  | { readonly id: number; readonly progress: ProgressEvent }
  | { readonly id: number; readonly answer: Answer<TaskName> }
  | { readonly id: number; readonly problem: Problem }
