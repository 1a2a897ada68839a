import { count } from './format.ts'

/** What the user should know, before anything else. */
export function Warnings({ warnings }: { readonly warnings: readonly string[] }) {
  if (warnings.length === 0) return null
  return (
    <section className="pic-alarm" aria-label={count(warnings.length, 'warning')}>
      <strong>{count(warnings.length, 'warning')}</strong>
      <ul>
        {warnings.map((warning) => (
          <li key={warning}>{warning}</li>
        ))}
      </ul>
    </section>
  )
}
