import { useId } from 'react'

export interface Option<T extends string> {
  readonly value: T
  readonly label: string
  readonly title?: string
}

interface Props<T extends string> {
  readonly label: string
  readonly options: readonly Option<T>[]
  readonly value: T
  readonly hideLabel?: boolean
  readonly disabled?: boolean
  onChange(value: T): void
}

/** One of a few: radio buttons that look like one control. */
export function ChoiceGroup<T extends string>({ label, options, value, hideLabel, disabled, onChange }: Props<T>) {
  const name = useId()
  return (
    <fieldset className="choice-group" disabled={disabled}>
      <legend className={hideLabel ? 'visually-hidden' : 'label'}>{label}</legend>
      <div className="segments">
        {options.map((option) => (
          <label key={option.value} title={option.title}>
            <input type="radio" name={name} checked={option.value === value} onChange={() => onChange(option.value)} />
            <span>{option.label}</span>
          </label>
        ))}
      </div>
    </fieldset>
  )
}
