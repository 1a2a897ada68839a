import { useState } from 'react'
import { Button } from '../controls/button.tsx'
import { Card } from '../controls/card.tsx'
import { ChoiceGroup } from '../controls/choice-group.tsx'
import { Icon } from '../controls/icon.tsx'
import { ProblemCard } from '../controls/problem-card.tsx'
import { ProgressBar } from '../controls/progress-bar.tsx'
import { list } from '../pictures/format.ts'
import { useActions, useStudio } from '../state/context.tsx'
import type { Result } from '../worker/protocol.ts'
import { weightingName } from './choices.ts'
import { Downloads } from './downloads.tsx'
import { ResultPictures } from './result-pictures.tsx'
import { ResultTable } from './result-table.tsx'
import { StepPage } from './step-page.tsx'

/** Writes the files, measures them, and hands them out. */
export function ResultStep() {
  const { results, weightings, busy, problems } = useStudio()
  const { quantize } = useActions()
  const running = busy?.task === 'quantize'
  const names = weightings.map(weightingName)
  return (
    <StepPage
      step="result"
      title="Result"
      lead="Weights are rounded layer by layer, the file is written, opened again and compared with the float model before you get it."
    >
      <ProblemCard problem={problems.result} />
      {!running && results.length < weightings.length && (
        <div className="row">
          <Button kind="primary" disabled={busy !== null} onClick={quantize}>
            <Icon name="play" />
            Write the {weightings.length > 1 ? 'files' : 'file'}
          </Button>
          <p className="hint">
            {weightings.length > 1 ? `One for each weighting: ${list(names)}.` : `Under ${names[0]}.`}
          </p>
        </div>
      )}
      {running && <Writing name={names[results.length] ?? ''} />}
      {results.length > 0 && <Results results={results} />}
    </StepPage>
  )
}

const stageNames: Readonly<Record<string, string>> = {
  assignment: 'Choosing',
  quantized: 'Rounding',
  artifact: 'Writing and comparing',
}

function Writing({ name }: { name: string }) {
  const { busy } = useStudio()
  const { cancel } = useActions()
  const event = busy?.event
  return (
    <Card
      title={`Writing under ${name}`}
      actions={
        <Button onClick={cancel}>
          <Icon name="close" />
          Cancel
        </Button>
      }
    >
      <ProgressBar label="Writing" done={event?.done ?? 0} total={event?.total ?? 0} />
      <p className="progress-text">
        {event ? `${stageNames[event.stage] ?? event.stage}: ${event.done} of ${event.total}` : 'Starting …'}
        {event?.message && <span className="soft">{event.message}</span>}
      </p>
    </Card>
  )
}

function Results({ results }: { results: readonly Result[] }) {
  const [shown, setShown] = useState(0)
  const result = results[Math.min(shown, results.length - 1)]!
  return (
    <>
      <ResultTable results={results} />
      {results.length > 1 && (
        <ChoiceGroup
          label="Show and download"
          value={String(shown)}
          options={results.map(({ weighting }, i) => ({ value: String(i), label: weightingName(weighting) }))}
          onChange={(value) => setShown(Number(value))}
        />
      )}
      <Downloads result={result} />
      <ResultPictures record={result.record} />
    </>
  )
}
