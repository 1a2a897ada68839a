import { Card } from '../controls/card.tsx'
import { FrontierPlot } from '../pictures/frontier-plot.tsx'
import { SensitivityHeatMap } from '../pictures/sensitivity-heat-map.tsx'
import { useActions, useStudio } from '../state/context.tsx'
import { BudgetControls } from './budget-controls.tsx'
import { weightingName } from './choices.ts'
import { StepPage } from './step-page.tsx'
import { WeightingsCard } from './weightings-card.tsx'

/** Any budget and any weighting, solved at once from what was measured. */
export function BudgetStep() {
  return (
    <StepPage
      step="budget"
      title="Budget"
      lead="Move the budget and see where the bits go. The best assignment is solved anew at every move, from the distances that were measured."
      next="Continue to the result"
      missing="Set a budget that can be kept to go on."
    >
      <BudgetControls />
      <WeightingsCard />
      <CurveCards />
    </StepPage>
  )
}

function CurveCards() {
  const { analysis, solved, curves } = useStudio()
  const { setBudget } = useActions()
  const [curve] = curves
  const [choice] = solved?.choices ?? []
  if (!curve || !choice) return null
  const { layers, float } = analysis!
  const name = weightingName(solved!.weightings[0]!)
  return (
    <>
      <Card title="What each kilobyte buys" lead={`The best trades under ${name}; pick one to take its budget.`}>
        <FrontierPlot
          points={curve.points}
          chosen={[{ name, weightsMemory: choice.utilization.weightsMemory, sensitivity: choice.sensitivity }]}
          floatBytes={float.weightsMemory ?? 0}
          budget={solved?.limits.weightsMemory ?? null}
          onPick={(index) => {
            const point = curve.points[index]
            if (point) setBudget('weightsMemory', Math.ceil(point.weightsMemory))
          }}
        />
      </Card>
      <Card title="Sensitivity by candidate" lead={`What each bit-width of each layer would cost under ${name}.`}>
        <SensitivityHeatMap
          rows={layers.map(({ node, candidates }, i) => ({
            node,
            chosen: choice.bits[i]!,
            candidates: candidates.map(({ bits }, c) => ({ bits, sensitivity: curve.sensitivity[i]?.[c] ?? null })),
          }))}
        />
      </Card>
    </>
  )
}
