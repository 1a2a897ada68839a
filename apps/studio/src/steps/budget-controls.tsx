import { type ReactNode, useId } from 'react'
import { Card } from '../controls/card.tsx'
import { Facts } from '../controls/facts.tsx'
import { Field } from '../controls/field.tsx'
import { ProblemCard } from '../controls/problem-card.tsx'
import { TextInput } from '../controls/text-input.tsx'
import { BitsByDepth } from '../pictures/bits-by-depth.tsx'
import { bytes, number, percent } from '../pictures/format.ts'
import { useActions, useStudio } from '../state/context.tsx'
import type { Solved } from '../worker/protocol.ts'
import { predictedDistance, starvedOf, weightingName } from './choices.ts'
import { resourceNames } from './resources.ts'
import { StarvedWarning } from './starved-warning.tsx'

/** The slider over everything that is possible, the same as text, and what the choice comes to. */
export function BudgetControls() {
  const { analysis, budgets, solved, settings, problems } = useStudio()
  const { setBudget } = useActions()
  const float = analysis!.float.weightsMemory ?? 0
  const [choice] = solved?.choices ?? []
  const choices = (solved?.choices ?? []).map((one, i) => ({
    name: weightingName(solved!.weightings[i]!),
    bits: one.bits,
    starved: starvedOf(one),
  }))
  const others = settings.resources.filter((resource) => resource !== 'weightsMemory')
  return (
    <Card title="Budget of the weights" className="budget">
      <BudgetSlider>
        <Field label="Weights at most" hint="bytes, “25 kB” or “12 %”">
          {(ids) => (
            <TextInput
              {...ids}
              value={String(budgets.weightsMemory ?? '')}
              onCommit={(text) => setBudget('weightsMemory', limit(text))}
            />
          )}
        </Field>
      </BudgetSlider>
      <ProblemCard problem={problems.budget} />
      <StarvedWarning />
      {others.length > 0 && (
        <div className="fields">
          {others.map((resource) => (
            <Field
              key={resource}
              label={`${resourceNames[resource]} at most`}
              hint={
                resource === 'bops'
                  ? 'a number or “12 %”; empty: no limit'
                  : 'bytes, “25 kB” or “12 %”; empty: no limit'
              }
            >
              {(ids) => (
                <TextInput
                  {...ids}
                  value={String(budgets[resource] ?? '')}
                  onCommit={(text) => setBudget(resource, limit(text))}
                />
              )}
            </Field>
          ))}
        </div>
      )}
      {choice && (
        <Facts
          of={[
            [
              'Weights',
              <>
                {bytes(choice.utilization.weightsMemory)}{' '}
                <small>{percent(choice.utilization.weightsMemory / float)}</small>
              </>,
            ],
            ['Whole file', bytes(choice.utilization.fileSize)],
            ['Predicted distance', number(predictedDistance(analysis!, choice))],
            ...(['activationMemory', 'totalMemory', 'bops'] as const).flatMap((name) => {
              const value = choice.utilization[name]
              return value === null
                ? []
                : [[resourceNames[name], name === 'bops' ? number(value) : bytes(value)] as const]
            }),
            ['Solved in', `${Math.max(1, Math.round(solved!.milliseconds))} ms`],
          ]}
        />
      )}
      {choices.length > 0 && (
        <>
          <BitsByDepth nodes={analysis!.layers.map(({ node }) => node)} choices={choices} />
          {analysis!.activations.length > 0 && <ActivationBits solved={solved!} />}
        </>
      )}
    </Card>
  )
}

function ActivationBits({ solved: { choices, weightings } }: { solved: Solved }) {
  const { analysis } = useStudio()
  return (
    <>
      <h3>Activations</h3>
      <BitsByDepth
        of="activations"
        nodes={analysis!.activations.map(({ value }) => value)}
        choices={choices.map(({ activationBits }, i) => ({
          name: weightingName(weightings[i]!),
          bits: activationBits,
        }))}
      />
    </>
  )
}

/** Digits alone are bytes. */
const limit = (text: string): number | string => (/^\d+$/.test(text.trim()) ? Number(text) : text.trim())

/** The slider over the whole frontier, with the same as text beside it. */
function BudgetSlider({ children }: { children: ReactNode }) {
  const { analysis, budgets, curves, solved } = useStudio()
  const { setBudget } = useActions()
  const id = useId()
  const float = analysis!.float.weightsMemory ?? 0
  const points = curves[0]?.points ?? []
  const [least, most] = [points[0]?.weightsMemory, points.at(-1)?.weightsMemory]
  // A number is shown before it is solved: a thumb that waits would jump back under the finger.
  const { weightsMemory } = budgets
  const value = typeof weightsMemory === 'number' ? weightsMemory : solved?.limits.weightsMemory
  const step = Math.max(1, Math.round(((most ?? 0) - (least ?? 0)) / 500))
  const known = least !== undefined && most !== undefined && value !== undefined
  return (
    <div className="slider">
      <div className="slider-head">
        <label htmlFor={id} className="slider-value">
          <span className="visually-hidden">Budget of the weights: </span>
          <strong>{value === undefined ? 'No limit' : percent(value / float)}</strong>
          <span className="soft">
            {value !== undefined && `of the float weights · ${bytes(value)} of ${bytes(float)}`}
          </span>
        </label>
        {children}
      </div>
      {known && (
        <>
          <input
            id={id}
            type="range"
            min={Math.ceil(least)}
            // Whole steps, the last of which reaches everything.
            max={Math.ceil(least) + step * Math.ceil((most - least) / step)}
            step={step}
            value={Math.max(least, value)}
            aria-valuetext={`${percent(value / float)} of the float weights, ${bytes(value)}`}
            onChange={(event) => setBudget('weightsMemory', Number(event.target.value))}
          />
          <div className="slider-ends soft">
            <span>
              {percent(least / float)} · {bytes(least)}
            </span>
            <span>
              {percent(most / float)} · {bytes(most)}
            </span>
          </div>
        </>
      )}
    </div>
  )
}
