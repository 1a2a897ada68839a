import { Icon } from './controls/icon.tsx'
import { bytes, count, percent } from './pictures/format.ts'
import { useActions, useStudio } from './state/context.tsx'
import { isReachable, type State, type Step, steps } from './state/state.ts'

const names: Readonly<Record<Step, string>> = {
  model: 'Model',
  data: 'Data',
  sensitivity: 'Sensitivity',
  budget: 'Budget',
  result: 'Result',
}

/** What a step has come to, in a few words; empty while it is open. */
const outcomes: Readonly<Record<Step, (state: State) => string>> = {
  model: ({ model }) => model?.file ?? '',
  data: ({ data }) => (data.calibration ? count(data.calibration.samples, 'sample') : ''),
  sensitivity: ({ analysis }) => (analysis ? count(analysis.layers.length, 'layer') : ''),
  budget: ({ solved, analysis }) =>
    solved && analysis?.float.weightsMemory
      ? `${percent(solved.choices[0]!.utilization.weightsMemory / analysis.float.weightsMemory)} of the weights`
      : '',
  result: ({ results }) => results.map(({ file }) => bytes(file.bytes.length)).join(', '),
}

/** The steps, with what each has come to. */
export function StepRail() {
  const state = useStudio()
  const { goTo } = useActions()
  return (
    <nav aria-label="Steps" className="rail">
      <ol>
        {steps.map((step, i) => {
          const outcome = i <= steps.indexOf(state.furthest) ? outcomes[step](state) : ''
          const current = state.step === step
          const mood = current ? 'current' : outcome ? 'done' : 'open'
          return (
            <li key={step}>
              <button
                type="button"
                className={`rail-step ${mood}`}
                aria-current={current ? 'step' : undefined}
                disabled={!isReachable(state, step)}
                onClick={() => goTo(step)}
              >
                <span className="rail-dot">{outcome && !current ? <Icon name="check" /> : i + 1}</span>
                <span className="rail-text">
                  <span className="rail-name">{names[step]}</span>
                  {outcome && <span className="rail-outcome">{outcome}</span>}
                </span>
                {outcome && !current && <span className="visually-hidden">, done</span>}
              </button>
            </li>
          )
        })}
      </ol>
    </nav>
  )
}
