import { type ReactNode, useId } from 'react'

interface Props {
  readonly title: string
  readonly lead?: ReactNode
  /** Beside the title. */
  readonly actions?: ReactNode
  readonly className?: string
  readonly children?: ReactNode
}

/** A section with a heading of its own. */
export function Card({ title, lead, actions, className = '', children }: Props) {
  const id = useId()
  return (
    <section className={`card ${className}`} aria-labelledby={id}>
      <header className="card-head">
        <div>
          <h2 id={id}>{title}</h2>
          {lead && <p className="soft">{lead}</p>}
        </div>
        {actions && <div className="row">{actions}</div>}
      </header>
      {children}
    </section>
  )
}
