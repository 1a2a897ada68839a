import { Card } from '../controls/card.tsx'
import { ChoiceGroup } from '../controls/choice-group.tsx'
import { Field } from '../controls/field.tsx'
import { TextInput } from '../controls/text-input.tsx'
import { useActions, useStudio } from '../state/context.tsx'
import type { Resource } from '../worker/protocol.ts'
import { resourceNames } from './resources.ts'

/** What is measured. A change puts away what was. */
export function SweepSettingsCard() {
  const { model, data, settings } = useStudio()
  const { changeSettings } = useActions()
  const platform = model!.platforms.find(({ name }) => name === settings.targetPlatform)
  const available = data.calibration!.samples
  const offered: readonly Resource[] = [
    'weightsMemory',
    'fileSize',
    ...(platform?.quantizesActivations ? (['activationMemory', 'totalMemory', 'bops'] as const) : []),
  ]
  return (
    <Card title="Settings">
      <div className="fields">
        <Field label="Target platform" hint={platform?.description}>
          {(ids) => (
            <select
              {...ids}
              className="input"
              value={settings.targetPlatform}
              onChange={(event) =>
                changeSettings({ ...settings, targetPlatform: event.target.value, resources: ['weightsMemory'] })
              }
            >
              {model!.platforms.map(({ name }) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          )}
        </Field>
        <Field label="Samples for the sweep" hint={`of ${available}; more take longer and say it more exactly`}>
          {(ids) => (
            <TextInput
              {...ids}
              inputMode="numeric"
              value={String(settings.numOfImages)}
              onCommit={(text) => {
                const wanted = Math.round(Number(text))
                if (wanted >= 1) changeSettings({ ...settings, numOfImages: Math.min(wanted, available) })
              }}
            />
          )}
        </Field>
      </div>
      <ChoiceGroup
        label="Rounding of weights"
        value={settings.weightsRounding}
        options={[
          {
            value: 'errorCompensating',
            label: 'Error-compensating',
            title: 'Errors of a layer compensate for each other',
          },
          { value: 'nearest', label: 'Nearest', title: 'Every weight to the nearest point: faster, less exact' },
        ]}
        onChange={(weightsRounding) => changeSettings({ ...settings, weightsRounding })}
      />
      <fieldset className="checks">
        <legend className="label">Budgets that you may set</legend>
        {offered.map((resource) => (
          <label key={resource}>
            <input
              type="checkbox"
              checked={settings.resources.includes(resource)}
              disabled={resource === 'weightsMemory'}
              onChange={({ target }) => {
                const others = settings.resources.filter((one) => one !== resource)
                changeSettings({ ...settings, resources: target.checked ? [...others, resource] : others })
              }}
            />
            {resourceNames[resource]}
          </label>
        ))}
        {!platform?.quantizesActivations && (
          <p className="hint">
            This platform leaves activations in float, so that only weights and the file have budgets.
          </p>
        )}
      </fieldset>
    </Card>
  )
}
