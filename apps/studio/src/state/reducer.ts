import type { ProgressEvent } from '@mixbit/core'
import type { ImageFlags } from '@mixbit/inputs'
import type {
  AnalysisSummary,
  Budgets,
  Curve,
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
import { type DataChoice, further, initialState, type State, type Step } from './state.ts'

export type Action =
  | { readonly type: 'goTo'; readonly step: Step }
  | { readonly type: 'started'; readonly task: TaskName; readonly step: Step }
  | { readonly type: 'progressed'; readonly event: ProgressEvent }
  | { readonly type: 'ended' }
  | { readonly type: 'failed'; readonly step: Step; readonly problem: Problem }
  | { readonly type: 'solvedProblem'; readonly step: Step }
  | { readonly type: 'said'; readonly text: string }
  | { readonly type: 'modelOpened'; readonly model: ModelSummary }
  | { readonly type: 'imageChanged'; readonly image: ImageFlags; readonly samples: number }
  | { readonly type: 'dataChosen'; readonly role: Role; readonly choice: DataChoice }
  | { readonly type: 'dataLoaded'; readonly data: DataSummary }
  | { readonly type: 'settingsChanged'; readonly settings: SweepSettings }
  | { readonly type: 'analyzed'; readonly analysis: AnalysisSummary }
  | { readonly type: 'weightingsChanged'; readonly weightings: readonly Weighting[] }
  | { readonly type: 'budgetsChanged'; readonly budgets: Budgets }
  | { readonly type: 'curvesFound'; readonly curves: readonly Curve[] }
  | { readonly type: 'choicesFound'; readonly solved: Solved }
  | { readonly type: 'rivalsFound'; readonly rivals: readonly Rival[] }
  | { readonly type: 'quantized'; readonly results: readonly Result[] }

/** What a change makes out of date. */
const afterSweep = { analysis: null, budgets: {}, solved: null, curves: [], rivals: [], results: [] } as const
const afterChoice = { rivals: [], results: [] } as const

/** Every change of the page's state; no effects. */
export function reduce(state: State, action: Action): State {
  switch (action.type) {
    case 'goTo':
      return { ...state, step: action.step, furthest: further(state.furthest, action.step) }
    case 'started':
      return { ...without(state, action.step), busy: { task: action.task, step: action.step, event: null } }
    case 'progressed':
      return state.busy ? { ...state, busy: { ...state.busy, event: action.event } } : state
    case 'ended':
      return { ...state, busy: null }
    case 'failed':
      return { ...state, problems: { ...state.problems, [action.step]: action.problem } }
    case 'solvedProblem':
      return without(state, action.step)
    case 'said':
      return { ...state, said: action.text }
    case 'modelOpened':
      return { ...opened(state, action.model), ...afterSweep }
    case 'imageChanged':
      return { ...state, image: action.image, samples: action.samples }
    case 'dataChosen':
      return { ...state, chosen: { ...state.chosen, [action.role]: action.choice } }
    case 'dataLoaded':
      return loaded(state, action.data)
    case 'settingsChanged':
      return { ...state, settings: action.settings, ...afterSweep }
    case 'analyzed':
      return { ...state, analysis: action.analysis }
    case 'weightingsChanged':
      return { ...state, weightings: action.weightings, ...afterChoice }
    case 'budgetsChanged':
      return { ...state, budgets: action.budgets, ...afterChoice }
    case 'curvesFound':
      return { ...state, curves: action.curves }
    case 'choicesFound':
      return { ...without(state, 'budget'), solved: action.solved }
    case 'rivalsFound':
      return { ...state, rivals: action.rivals }
    case 'quantized':
      return { ...state, results: action.results }
  }
}

const without = (state: State, step: Step): State => ({
  ...state,
  problems: Object.fromEntries(Object.entries(state.problems).filter(([key]) => key !== step)),
})

/** A new model starts anew, with the options that fit its kind. */
function opened({ step }: State, model: ModelSummary): State {
  const onnx = model.format === 'onnx'
  return {
    ...initialState,
    step,
    model,
    image: { preset: model.example ? 'imagenet-tf' : onnx ? 'imagenet' : 'imagenet-tf' },
    samples: model.example ? 120 : 64,
    settings: { ...initialState.settings, targetPlatform: onnx ? 'weights-only' : 'tfjs' },
  }
}

function loaded(state: State, data: DataSummary): State {
  const next = { ...state, data: { ...state.data, [data.role]: data } }
  if (data.role === 'test') return { ...next, results: [] }
  const numOfImages = Math.min(data.samples, Math.max(state.settings.numOfImages, initialState.settings.numOfImages))
  return { ...next, ...afterSweep, settings: { ...state.settings, numOfImages } }
}
