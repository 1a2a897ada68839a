import { Button } from '../controls/button.tsx'
import { Card } from '../controls/card.tsx'
import { Icon } from '../controls/icon.tsx'
import { ProblemCard } from '../controls/problem-card.tsx'
import { DistanceHeatMap } from '../pictures/distance-heat-map.tsx'
import { count, time } from '../pictures/format.ts'
import { useActions, useStudio } from '../state/context.tsx'
import { StepPage } from './step-page.tsx'
import { SweepProgress } from './sweep-progress.tsx'
import { SweepSettingsCard } from './sweep-settings.tsx'

/** Measures how much every candidate hurts. */
export function SensitivityStep() {
  const { analysis, busy, problems } = useStudio()
  const { analyze } = useActions()
  const running = busy?.task === 'analyze'
  const problem = problems.sensitivity
  return (
    <StepPage
      step="sensitivity"
      title="Sensitivity"
      lead="Every layer is quantized alone, to every bit-width it could have, and the rest of the network stays float. How far the outputs move is what a bit-width costs."
      next="Continue to the budget"
      missing="Measure the sensitivity to go on."
    >
      <ProblemCard problem={problem}>
        {problem?.code === 'ABORTED' && (
          <Button kind="primary" onClick={analyze}>
            <Icon name="play" />
            Resume
          </Button>
        )}
      </ProblemCard>
      {running ? <SweepProgress /> : !analysis && <SweepSettingsCard />}
      {!running && !analysis && problem?.code !== 'ABORTED' && (
        <div className="row">
          <Button kind="primary" disabled={busy !== null} onClick={analyze}>
            <Icon name="play" />
            Measure sensitivity
          </Button>
        </div>
      )}
      {analysis && !running && (
        <Card
          title="What was measured"
          lead={`${count(analysis.layers.length, 'layer')}${analysis.activations.length > 0 ? ` and ${count(analysis.activations.length, 'activation')}` : ''} in ${time(analysis.milliseconds)}${analysis.resumedRows > 0 ? `; ${count(analysis.resumedRows, 'row')} from the interrupted run` : ''}. Any budget and any weighting is solved from these distances; nothing needs to run again.`}
        >
          <DistanceHeatMap sensitivity={analysis.sensitivity} />
        </Card>
      )}
      {analysis && !running && <SweepSettingsCard />}
    </StepPage>
  )
}
