import type { ImageFlags } from '@mixbit/inputs'
import type { Pipeline } from '../worker/client.ts'
import type {
  Answer,
  Budgets,
  Format,
  ModelSource,
  Resource,
  Role,
  SweepSettings,
  Weighting,
} from '../worker/protocol.ts'
import { latest } from './latest.ts'
import type { DataChoice, Step } from './state.ts'
import { type Store, taskRunner } from './task-runner.ts'

export type Actions = ReturnType<typeof actionsFor>

/** Everything that a click can do. Nothing here throws: problems go into the state, beside the step that they belong to. */
export function actionsFor(store: Store, pipeline: Pipeline) {
  const { attempt, long, say, cancel } = taskRunner(store, pipeline)
  const { get, dispatch } = store

  const solveNow = latest(async () => {
    const { budgets, weightings } = get()
    const solved = await attempt('budget', () => pipeline.call('solve', { budgets, weightings }))
    if (solved) dispatch({ type: 'choicesFound', solved })
    if (!solved?.choices.some(({ outputLayers }) => outputLayers.some(({ starved }) => starved))) return
    const sigma = weightings[0]!.sigma
    const rivals = await attempt('budget', () => pipeline.call('rivals', { budgets, sigma }))
    if (rivals) dispatch({ type: 'rivalsFound', rivals })
  })

  const drawCurves = latest(async () => {
    const { weightings } = get()
    const curves = await attempt('budget', () => Promise.all(weightings.map((one) => pipeline.call('curve', one))))
    if (curves) dispatch({ type: 'curvesFound', curves })
  })

  const read = async (role: Role) => {
    const { chosen, image, samples } = get()
    const { source, labels } = chosen[role]
    if (!source) return
    // The test data of the example is many: all of it counts.
    const limit = role === 'test' ? Number.MAX_SAFE_INTEGER : samples
    const data = await long('data', 'loadData', { role, source, labels, image, samples: limit })
    if (!data) return
    dispatch({ type: 'dataLoaded', data })
    say(`${data.samples} samples ${role === 'test' ? 'for the test' : 'for calibration'}.`)
  }
  const readData: Record<Role, () => Promise<void>> = {
    calibration: latest(() => read('calibration')),
    test: latest(() => read('test')),
  }

  const actions = {
    goTo: (step: Step) => dispatch({ type: 'goTo', step }),
    cancel,

    async openModel(source: ModelSource) {
      const model = await long('model', 'openModel', source)
      if (!model) return
      dispatch({ type: 'modelOpened', model })
      say(`${model.file} is open: ${model.nodes} nodes.`)
    },

    /** The example with its pictures: all that is left is to look. */
    async tryExample(format: Format) {
      await actions.openModel({ example: format })
      if (!get().model?.example) return
      await actions.chooseData('calibration', { source: { example: true }, labels: null })
      await actions.chooseData('test', { source: { example: true }, labels: null })
    },

    async chooseData(role: Role, choice: DataChoice) {
      dispatch({ type: 'dataChosen', role, choice })
      await readData[role]()
    },

    async changeImage(image: ImageFlags, samples: number) {
      dispatch({ type: 'imageChanged', image, samples })
      await readData.calibration()
      await readData.test()
    },

    async exportData(role: Role): Promise<Uint8Array<ArrayBuffer> | null> {
      return long('data', 'exportData', role)
    },

    changeSettings: (settings: SweepSettings) => dispatch({ type: 'settingsChanged', settings }),

    async analyze() {
      const analysis = await long('sensitivity', 'analyze', get().settings)
      // Problems are read out where they stand.
      if (!analysis) return
      dispatch({ type: 'analyzed', analysis })
      say(`The sensitivity of ${analysis.layers.length} layers is measured.`)
      const float = analysis.float.weightsMemory ?? 0
      await actions.setBudgets({ weightsMemory: Math.round(float * startingShare) })
      await drawCurves()
    },

    async setBudgets(budgets: Budgets) {
      dispatch({ type: 'budgetsChanged', budgets })
      await solveNow()
    },

    setBudget(resource: Resource, limit: number | string | undefined) {
      const { [resource]: _, ...others } = get().budgets
      return actions.setBudgets(limit === undefined || limit === '' ? others : { ...others, [resource]: limit })
    },

    /** Another weighting in one of the two places; HESSIAN is measured once when it is first asked for. */
    async setWeightings(weightings: readonly Weighting[]) {
      const asksHessian = weightings.some(({ method }) => method === 'HESSIAN')
      if (asksHessian && !get().analysis?.hessianMeasured) {
        const analysis = await long('budget', 'measureHessian', null)
        if (!analysis) return
        dispatch({ type: 'analyzed', analysis })
      }
      dispatch({ type: 'weightingsChanged', weightings })
      await solveNow()
      await drawCurves()
    },

    /** Writes the model of every weighting that is compared. */
    async quantize() {
      const { budgets, weightings } = get()
      const results: Answer<'quantize'>[] = []
      for (const weighting of weightings) {
        const result = await long('result', 'quantize', { budgets, weighting })
        if (!result) return
        results.push(result)
        dispatch({ type: 'quantized', results: results.slice() })
      }
      say(`${results.map(({ file }) => file.name).join(' and ')} ready to download.`)
    },
  }
  return actions
}

/** Of the float weights: where budgets begin to be interesting. */
const startingShare = 0.12
