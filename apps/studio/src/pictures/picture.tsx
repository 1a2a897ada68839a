import type { ReactNode } from 'react'
import { type Table, TableToggle } from './table.tsx'

export interface PictureProps {
  /** What the picture says, in a sentence or two: shown below it, and what a screen reader reads in its place. */
  readonly summary: string
  /** The numbers behind it. */
  readonly table?: () => Table
  readonly children: ReactNode
}

/** The frame of every picture: the picture, what it says, and its numbers as a table. */
export function Picture({ summary, table, children }: PictureProps) {
  return (
    <figure className="pic">
      {children}
      <figcaption>{summary}</figcaption>
      {table && <TableToggle table={table} label={summary} />}
    </figure>
  )
}
