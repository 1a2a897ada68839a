import type { ReactNode } from 'react'
import type { Problem } from '../worker/protocol.ts'
import { Icon } from './icon.tsx'

interface Props {
  readonly problem: Problem | undefined
  /** What to do about it, as buttons. */
  readonly children?: ReactNode
}

/** An error in place: what happened, what to do, and the code that the documentation lists. A cancelled run is no error. */
export function ProblemCard({ problem, children }: Props) {
  if (!problem) return null
  const cancelled = problem.code === 'ABORTED'
  return (
    <div className={`notice ${cancelled ? 'calm' : 'danger'}`} role={cancelled ? 'status' : 'alert'}>
      <Icon name={cancelled ? 'close' : 'alert'} />
      <div>
        <p className="strong">{cancelled ? 'Cancelled.' : problem.message}</p>
        {cancelled ? <p>What was measured is kept.</p> : problem.hint && <p>{problem.hint}</p>}
        {!cancelled && <code className="faint">{problem.code}</code>}
        {children && <div className="row">{children}</div>}
      </div>
    </div>
  )
}
