import { Card } from '../controls/card.tsx'
import { ComparisonTable } from '../controls/comparison-table.tsx'
import { Field } from '../controls/field.tsx'
import { TextInput } from '../controls/text-input.tsx'
import { BitsChip } from '../pictures/bits.tsx'
import { bytes, count, number } from '../pictures/format.ts'
import { useActions, useStudio } from '../state/context.tsx'
import { type Method, weightings as methods, type Solved, type Weighting } from '../worker/protocol.ts'
import { predictedDistance, starvedOf, weightingName } from './choices.ts'

const explanations: Readonly<Record<Method, string>> = {
  AVG: 'Mean over all interest points: early layers count more, because more lies behind them.',
  LAST_LAYER: 'Only the last interest point: every layer is compared at the same place.',
  EXP: 'Points weigh by 1 − exp(−distance ÷ σ): small distances hardly count.',
  HESSIAN: 'Points weigh by how much they move the output (a trace, measured once).',
  OUTPUT: 'The model output loss itself: KL divergence for logits.',
}

/** Two weightings side by side: what they cost, where they differ. */
export function WeightingsCard() {
  const { solved, weightings, busy } = useStudio()
  const { setWeightings } = useActions()
  const [a, b] = weightings
  const set = (at: number, weighting: Weighting | null) =>
    setWeightings(
      weighting ? [...weightings.slice(0, at), weighting, ...weightings.slice(at + 1)] : weightings.slice(0, 1),
    )
  return (
    <Card title="Distance weighting" lead="How distances at many points become the one number that is minimized.">
      <div className="columns">
        <Picker label="Weighting" value={a!} disabled={busy !== null} onChange={(weighting) => set(0, weighting)} />
        <Picker
          label="Compared with"
          value={b ?? null}
          disabled={busy !== null}
          onChange={(weighting) => set(1, weighting)}
        />
      </div>
      {busy?.task === 'measureHessian' && <p className="hint">Measuring the scores of HESSIAN, once …</p>}
      {solved && <Comparison solved={solved} />}
      {b && <Differences />}
    </Card>
  )
}

function Comparison({ solved: { choices, weightings } }: { solved: Solved }) {
  const { analysis } = useStudio()
  const rows = [
    {
      name: 'Predicted distance of outputs',
      cells: choices.map((choice) => number(predictedDistance(analysis!, choice))),
    },
    { name: 'Weights', cells: choices.map(({ utilization }) => bytes(utilization.weightsMemory)) },
    { name: 'Whole file', cells: choices.map(({ utilization }) => bytes(utilization.fileSize)) },
    {
      name: 'Starved output layers',
      cells: choices.map((choice) => starvedOf(choice).join(', ') || 'none'),
      alarming: choices.map((choice) => starvedOf(choice).length > 0),
    },
  ]
  const columns = weightings.map((weighting, i) => ({ id: String(i), name: weightingName(weighting) }))
  return <ComparisonTable label="Weightings compared" columns={columns} rows={rows} />
}

interface PickerProps {
  readonly label: string
  readonly value: Weighting | null
  readonly disabled: boolean
  onChange(weighting: Weighting | null): void
}

function Picker({ label, value, disabled, onChange }: PickerProps) {
  const sigma = value?.sigma ?? 0.1
  return (
    <div className="picker">
      <Field label={label} hint={value ? explanations[value.method] : 'Nothing.'}>
        {(ids) => (
          <select
            {...ids}
            className="input"
            disabled={disabled}
            value={value?.method ?? ''}
            onChange={({ target }) => onChange(target.value ? { method: target.value as Method, sigma } : null)}
          >
            {label !== 'Weighting' && <option value="">nothing</option>}
            {methods.map((method) => (
              <option key={method}>{method}</option>
            ))}
          </select>
        )}
      </Field>
      {value?.method === 'EXP' && (
        <Field label="σ">
          {(ids) => (
            <TextInput
              {...ids}
              inputMode="decimal"
              value={String(sigma)}
              onCommit={(text) => Number(text) > 0 && onChange({ ...value, sigma: Number(text) })}
            />
          )}
        </Field>
      )}
    </div>
  )
}

/** The layers that the two weightings treat differently. */
function Differences() {
  const { analysis, solved } = useStudio()
  const [a, b] = solved?.choices ?? []
  if (!a || !b) return null
  const changed = analysis!.layers
    .map(({ node }, i) => ({ node, from: a.bits[i]!, to: b.bits[i]! }))
    .filter(({ from, to }) => from !== to)
  return (
    <details className="differences">
      <summary>
        {changed.length === 0 ? 'Both choose the same bits' : `${count(changed.length, 'layer')} get other bits`}
      </summary>
      <ul>
        {changed.map(({ node, from, to }) => (
          <li key={node}>
            <BitsChip bits={from} /> <span aria-hidden="true">→</span>
            <span className="visually-hidden">becomes</span> <BitsChip bits={to} /> <span>{node}</span>
          </li>
        ))}
      </ul>
    </details>
  )
}
