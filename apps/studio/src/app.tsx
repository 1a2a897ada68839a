import { type ComponentType, lazy, type RefObject, Suspense, useEffect, useRef } from 'react'
import { Guard } from './guard.tsx'
import { useStudio } from './state/context.tsx'
import type { Step } from './state/state.ts'
import { StepRail } from './step-rail.tsx'
import { DataStep } from './steps/data.tsx'
import { ModelStep } from './steps/model.tsx'
import { SensitivityStep } from './steps/sensitivity.tsx'
import { ThemeToggle } from './theme-toggle.tsx'

// The plots and the graph view are most of the app: they come once there is a model.
const budgetPage = async () => ({ default: (await import('./steps/budget.tsx')).BudgetStep })
const resultPage = async () => ({ default: (await import('./steps/result.tsx')).ResultStep })
const BudgetStep = lazy(budgetPage)
const ResultStep = lazy(resultPage)

const pages: Readonly<Record<Step, ComponentType>> = {
  model: ModelStep,
  data: DataStep,
  sensitivity: SensitivityStep,
  budget: BudgetStep,
  result: ResultStep,
}

/** The whole page: where we are on the left, the step on the right. */
export function App() {
  const { step, said } = useStudio()
  const Page = pages[step]
  const shown = useRef(step)
  useEffect(() => {
    // A page that cannot be fetched says so when it is shown.
    if (step !== 'model') Promise.all([budgetPage(), resultPage()]).catch(() => {})
  }, [step])
  return (
    <div className="shell">
      <a className="skip" href="#step">
        Skip to the step
      </a>
      <header className="side">
        <p className="brand">
          <Mark />
          <span>
            Mixbit <span className="soft">Studio</span>
          </span>
        </p>
        <StepRail />
        <div className="side-foot">
          <p className="hint privacy">Your model and data stay in this tab.</p>
          <ThemeToggle />
        </div>
      </header>
      <main className="page" id="step" tabIndex={-1}>
        <Guard key={step}>
          <Suspense fallback={<p className="hint">One moment …</p>}>
            <Page />
            <HeadingFocus step={step} shown={shown} />
          </Suspense>
        </Guard>
      </main>
      <p className="visually-hidden" aria-live="polite">
        {said}
      </p>
    </div>
  )
}

/** A new step begins at its heading, for eyes and for screen readers, as soon as it is there; not on the first view. */
function HeadingFocus({ step, shown }: { readonly step: Step; readonly shown: RefObject<Step> }) {
  useEffect(() => {
    if (shown.current === step) return
    shown.current = step
    window.scrollTo({ top: 0 })
    document.querySelector<HTMLElement>('main h1')?.focus({ preventScroll: true })
  }, [step, shown])
  return null
}

/** Three layers, three widths. */
const Mark = () => (
  <svg className="mark" viewBox="0 0 24 24" width="26" height="26" aria-hidden="true">
    <rect x="2" y="3" width="20" height="5" rx="1.6" fill="var(--bits-8)" />
    <rect x="2" y="9.5" width="12.5" height="5" rx="1.6" fill="var(--bits-4)" />
    <rect x="2" y="16" width="7" height="5" rx="1.6" fill="var(--bits-2)" />
  </svg>
)
