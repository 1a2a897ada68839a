import { useState } from 'react'
import { Button } from './button.tsx'

interface Props {
  readonly label: string
  readonly code: string
}

/** Text to take along. */
export function CodeBlock({ label, code }: Props) {
  const [copied, setCopied] = useState(false)
  const copy = async () => {
    await navigator.clipboard.writeText(code)
    setCopied(true)
    setTimeout(() => setCopied(false), 2000)
  }
  return (
    <figure className="code">
      <figcaption>
        <span className="label">{label}</span>
        <Button kind="quiet" onClick={copy}>
          <span aria-live="polite">{copied ? 'Copied' : 'Copy'}</span>
          <span className="visually-hidden"> {label}</span>
        </Button>
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard */}
      <section tabIndex={0} aria-label={label}>
        <pre>
          <code>{code}</code>
        </pre>
      </section>
    </figure>
  )
}
