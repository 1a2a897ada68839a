import { type ReactNode, useId } from 'react'

interface Props {
  readonly label: string
  readonly hint?: ReactNode
  /** Gets the id for the control, and that of the hint for `aria-describedby`. */
  children(ids: { readonly id: string; readonly 'aria-describedby': string | undefined }): ReactNode
}

/** A labelled control with a hint below. */
export function Field({ label, hint, children }: Props) {
  const id = useId()
  const hintId = hint ? `${id}-hint` : undefined
  return (
    <div className="field">
      <label className="label" htmlFor={id}>
        {label}
      </label>
      {children({ id, 'aria-describedby': hintId })}
      {hint && (
        <p id={hintId} className="hint">
          {hint}
        </p>
      )}
    </div>
  )
}
