interface Props {
  readonly label: string
  readonly done: number
  readonly total: number
}

/** How much is done; without a total it only moves. */
export function ProgressBar({ label, done, total }: Props) {
  const share = total > 0 ? done / total : 0
  return (
    <progress className="progress" aria-label={label} max={1} value={total > 0 ? share : undefined}>
      {`${Math.round(100 * share)} %`}
    </progress>
  )
}
