import { type InputHTMLAttributes, useEffect, useState } from 'react'

interface Props extends Omit<InputHTMLAttributes<HTMLInputElement>, 'value' | 'onChange'> {
  readonly value: string
  /** Told when the user is done: on Enter, and when the focus leaves. */
  onCommit(value: string): void
}

/** A text field that leaves what is half typed alone. */
export function TextInput({ value, onCommit, ...rest }: Props) {
  const [draft, setDraft] = useState(value)
  useEffect(() => setDraft(value), [value])
  const commit = () => draft !== value && onCommit(draft)
  return (
    <input
      type="text"
      className="input"
      {...rest}
      value={draft}
      onChange={(event) => setDraft(event.target.value)}
      onBlur={commit}
      onKeyDown={(event) => event.key === 'Enter' && commit()}
    />
  )
}
