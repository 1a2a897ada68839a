import { time } from './format.ts'
import { Picture } from './picture.tsx'

export interface TimingsProps {
  /** Milliseconds per stage, in the order of the pipeline. */
  readonly timings: Readonly<Record<string, number>>
}

/** Where the time went. */
export function Timings({ timings }: TimingsProps) {
  const stages = Object.entries(timings)
  const longest = Math.max(1, ...stages.map(([, ms]) => ms))
  return (
    <Picture summary={timingsSummary({ timings })}>
      <ol className="pic-steps">
        {stages.map(([stage, ms]) => (
          <li key={stage}>
            <span>{stage}</span>
            <span className="pic-step-bar" aria-hidden="true">
              <span style={{ width: `${(100 * ms) / longest}%` }} />
            </span>
            <span className="pic-step-number">{time(ms)}</span>
          </li>
        ))}
      </ol>
    </Picture>
  )
}

/** The whole, and the longest stage. */
export function timingsSummary({ timings }: TimingsProps): string {
  const stages = Object.entries(timings)
  if (stages.length === 0) return 'No times were taken.'
  const [name, ms] = stages.reduce((a, b) => (b[1] > a[1] ? b : a))
  return `${time(stages.reduce((sum, [, each]) => sum + each, 0))} in all, most of it ${name} (${time(ms)}).`
}
