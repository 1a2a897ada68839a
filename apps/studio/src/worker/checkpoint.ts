import type { Checkpoint } from '@mixbit/core'
import type { SweepSettings } from './protocol.ts'

/** Rows of the sweep in memory: a cancelled run goes on with them. New data or another model puts them away. */
export interface Checkpointed {
  /** The settings that they were measured with. */
  readonly key: string
  readonly lines: string[]
}

/** What was measured with these settings before, or an empty one. */
export function checkpointFor(settings: SweepSettings, known: Checkpointed | null): Checkpointed {
  const key = JSON.stringify(settings)
  return known?.key === key ? known : { key, lines: [] }
}

export const storeOf = ({ lines }: Checkpointed): Checkpoint => ({
  load: async () => lines.slice(),
  append: async (line) => {
    lines.push(line)
  },
})

/** Rows that are there; the lines without a row are headers. */
export const rowsIn = ({ lines }: Checkpointed): number => lines.filter((line) => line.includes('"row"')).length
