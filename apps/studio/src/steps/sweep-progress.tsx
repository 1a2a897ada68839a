import type { Stage } from '@mixbit/core'
import { Button } from '../controls/button.tsx'
import { Card } from '../controls/card.tsx'
import { Icon } from '../controls/icon.tsx'
import { ProgressBar } from '../controls/progress-bar.tsx'
import { time } from '../pictures/format.ts'
import { useActions, useStudio } from '../state/context.tsx'

const stages: readonly { readonly stage: Stage; readonly name: string }[] = [
  { stage: 'graph', name: 'Read' },
  { stage: 'prepared', name: 'Prepare' },
  { stage: 'candidates', name: 'Round candidates' },
  { stage: 'observed', name: 'Observe' },
  { stage: 'sensitivity', name: 'Measure' },
]

/** Where the sweep is, and how long it will take. */
export function SweepProgress() {
  const { busy } = useStudio()
  const { cancel } = useActions()
  const event = busy?.event
  const at = stages.findIndex(({ stage }) => stage === event?.stage)
  const left = event?.remainingMs
  return (
    <Card
      title="Measuring"
      actions={
        <Button onClick={cancel}>
          <Icon name="close" />
          Cancel
        </Button>
      }
    >
      <ol className="stages">
        {stages.map(({ stage, name }, i) => (
          <li
            key={stage}
            className={i < at ? 'done' : i === at ? 'current' : ''}
            aria-current={i === at ? 'step' : undefined}
          >
            {i < at && <Icon name="check" />}
            {name}
          </li>
        ))}
      </ol>
      <ProgressBar label="Measuring" done={event?.done ?? 0} total={event?.total ?? 0} />
      <p className="progress-text">
        <span>
          {event ? `${event.done} of ${event.total}` : 'Starting the runtime …'}
          {event?.message && <span className="soft"> · {event.message}</span>}
        </span>
        <span className="soft">{left !== undefined && left > 0 ? `${time(left)} left` : ''}</span>
      </p>
      <p className="hint">Cancelling keeps what was measured; the run can be resumed.</p>
    </Card>
  )
}
