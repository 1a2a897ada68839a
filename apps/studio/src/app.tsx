import { type ReactNode, useEffect, useRef } from 'react'
import { Guard } from './guard.tsx'
import { useStudio } from './state/context.tsx'
import type { Step } from './state/state.ts'
import { StepRail } from './step-rail.tsx'
import { BudgetStep } from './steps/budget.tsx'
import { DataStep } from './steps/data.tsx'
import { ModelStep } from './steps/model.tsx'
import { ResultStep } from './steps/result.tsx'
import { SensitivityStep } from './steps/sensitivity.tsx'
import { ThemeToggle } from './theme-toggle.tsx'

const pages: Readonly<Record<Step, () => ReactNode>> = {
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
  useHeadingFocus(step)
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
          <Page />
        </Guard>
      </main>
      <p className="visually-hidden" aria-live="polite">
        {said}
      </p>
    </div>
  )
}

/** A new step begins at its heading, for eyes and for screen readers; not on the first view. */
function useHeadingFocus(step: Step) {
  const shown = useRef(step)
  useEffect(() => {
    if (shown.current === step) return
    shown.current = step
    window.scrollTo({ top: 0 })
    document.querySelector<HTMLElement>('main h1')?.focus({ preventScroll: true })
  }, [step])
}

/** Three layers, three widths. */
const Mark = () => (
  <svg className="mark" viewBox="0 0 24 24" width="26" height="26" aria-hidden="true">
    <rect x="2" y="3" width="20" height="5" rx="1.6" fill="var(--bits-8)" />
    <rect x="2" y="9.5" width="12.5" height="5" rx="1.6" fill="var(--bits-4)" />
    <rect x="2" y="16" width="7" height="5" rx="1.6" fill="var(--bits-2)" />
  </svg>
)
