import type { ReactNode } from 'react'
import { Button } from '../controls/button.tsx'
import { Icon } from '../controls/icon.tsx'
import { useActions, useStudio } from '../state/context.tsx'
import { isReachable, type Step, steps } from '../state/state.ts'

interface Props {
  readonly step: Step
  readonly title: string
  readonly lead: ReactNode
  /** What the button to the next step says. */
  readonly next?: string
  /** Why there is no way on yet. */
  readonly missing?: string
  readonly children: ReactNode
}

/** Heading, content, and the way back and on. */
export function StepPage({ step, title, lead, next, missing, children }: Props) {
  const state = useStudio()
  const { goTo } = useActions()
  const at = steps.indexOf(step)
  const before = steps[at - 1]
  const after = steps[at + 1]
  const open = after !== undefined && isReachable(state, after) && !state.busy
  return (
    <>
      <div className="page-head">
        <p className="eyebrow">
          Step {at + 1} of {steps.length}
        </p>
        <h1 tabIndex={-1}>{title}</h1>
        <p className="lead">{lead}</p>
      </div>
      <div className="stack">{children}</div>
      <div className="page-foot">
        {before && (
          <Button kind="quiet" onClick={() => goTo(before)}>
            Back
          </Button>
        )}
        <span className="spacer" />
        {after && next && (
          <>
            {!open && missing && (
              <p className="hint" id="missing">
                {missing}
              </p>
            )}
            <Button
              kind="primary"
              disabled={!open}
              aria-describedby={!open && missing ? 'missing' : undefined}
              onClick={() => goTo(after)}
            >
              {next}
              <Icon name="arrow" />
            </Button>
          </>
        )}
      </div>
    </>
  )
}
