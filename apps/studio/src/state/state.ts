import type { ProgressEvent } from '@mixbit/core'
import type { ImageFlags } from '@mixbit/inputs'
import type {
  AnalysisSummary,
  Budgets,
  Curve,
  DataRequest,
  DataSummary,
  ModelSummary,
  Problem,
  Result,
  Rival,
  Role,
  Solved,
  SweepSettings,
  TaskName,
  Weighting,
} from '../worker/protocol.ts'

export const steps = ['model', 'data', 'sensitivity', 'budget', 'result'] as const
export type Step = (typeof steps)[number]

/** The task that is running, for progress bars and for cancelling. */
export interface Busy {
  readonly task: TaskName
  readonly step: Step
  readonly event: ProgressEvent | null
}

/** Where samples come from; kept, so that other preprocessing reads them again. */
export interface DataChoice {
  readonly source: DataRequest['source'] | null
  readonly labels: File | null
}

export interface State {
  readonly step: Step
  /** The furthest step that was opened: what lies behind it has no outcome yet. */
  readonly furthest: Step
  readonly model: ModelSummary | null
  readonly chosen: Readonly<Record<Role, DataChoice>>
  readonly data: Readonly<Record<Role, DataSummary | null>>
  readonly image: ImageFlags
  readonly samples: number
  readonly settings: SweepSettings
  readonly analysis: AnalysisSummary | null
  readonly weightings: readonly Weighting[]
  readonly budgets: Budgets
  readonly solved: Solved | null
  /** One per weighting. */
  readonly curves: readonly Curve[]
  readonly rivals: readonly Rival[]
  readonly results: readonly Result[]
  readonly busy: Busy | null
  readonly problems: Readonly<Partial<Record<Step, Problem>>>
  /** What a screen reader is told. */
  readonly said: string
}

export const initialState: State = {
  step: 'model',
  furthest: 'model',
  model: null,
  chosen: { calibration: { source: null, labels: null }, test: { source: null, labels: null } },
  data: { calibration: null, test: null },
  image: { preset: 'imagenet' },
  samples: 64,
  settings: {
    targetPlatform: 'weights-only',
    numOfImages: 32,
    weightsRounding: 'errorCompensating',
    resources: ['weightsMemory'],
  },
  analysis: null,
  weightings: [
    { method: 'AVG', sigma: 0.1 },
    { method: 'LAST_LAYER', sigma: 0.1 },
  ],
  budgets: {},
  solved: null,
  curves: [],
  rivals: [],
  results: [],
  busy: null,
  problems: {},
  said: '',
}

/** The last step that can be opened. */
export function reachable({ model, data, analysis, solved, problems }: State): Step {
  if (!model) return 'model'
  if (!data.calibration) return 'data'
  if (!analysis) return 'sensitivity'
  return solved && !problems.budget ? 'result' : 'budget'
}

export const further = (a: Step, b: Step): Step => (steps.indexOf(a) > steps.indexOf(b) ? a : b)

export const isReachable = (state: State, step: Step): boolean => steps.indexOf(step) <= steps.indexOf(reachable(state))
