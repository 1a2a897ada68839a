// What the worker keeps between tasks. One desk, one model at a time.
import type { Adapter } from '@mixbit/adapter'
import type { Analysis } from '@mixbit/core'
import { type Graph, MixbitError, type Tensors } from '@mixbit/graph'
import type { Checkpointed } from './checkpoint.ts'
import type { Pictures } from './pictures.ts'
import type { Format, ModelSummary, Role, SweepSettings } from './protocol.ts'
import type { Artifact } from './runtimes.ts'

export interface OpenModel {
  readonly format: Format
  readonly adapter: Adapter<unknown, Artifact>
  /** What the adapter read; it is read again by every job. */
  readonly source: unknown
  readonly graph: Graph
  readonly summary: ModelSummary
}

export interface LoadedData {
  readonly names: readonly string[]
  readonly feeds: readonly Tensors[]
  readonly labels: readonly number[] | null
}

export interface Measured {
  readonly analysis: Analysis<Artifact>
  readonly settings: SweepSettings
  readonly resumedRows: number
  readonly hessianMeasured: boolean
  readonly milliseconds: number
}

export interface Desk {
  model: OpenModel | null
  readonly data: Record<Role, LoadedData | null>
  /** Decoded pictures, so that another mean or layout need not decode again. */
  readonly pictures: Record<Role, Pictures | null>
  checkpoint: Checkpointed | null
  measured: Measured | null
  /** Accuracy of the float model on the test data. */
  floatAccuracy: number | null
}

export const emptyDesk = (): Desk => ({
  model: null,
  data: { calibration: null, test: null },
  pictures: { calibration: null, test: null },
  checkpoint: null,
  measured: null,
  floatAccuracy: null,
})

/** @throws MixbitError `STUDIO_ORDER` when a step before has not been done. */
export function need<T>(thing: T | null, what: string): T {
  if (thing !== null) return thing
  throw new MixbitError('STUDIO_ORDER', `There is no ${what} yet.`, { hint: 'Go back to the step before.' })
}
