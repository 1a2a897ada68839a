import type { ReactNode } from 'react'

/** A wide thing that scrolls inside its box, by keyboard too. */
export const ScrollBox = ({ label, children }: { label: string; children: ReactNode }) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
  <section className="table-box" tabIndex={0} aria-label={label}>
    {children}
  </section>
)
