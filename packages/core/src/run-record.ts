import type { OpKind } from '@mixbit/graph'
import type { FrontierPoint } from './analyze.ts'
import type { QuantizeReport } from './report.ts'

/** One node of the prepared float graph, in topological order. */
export interface NetworkNode {
  readonly id: string
  readonly op: string
  readonly kind: OpKind
  /** The nodes that it reads from; graph inputs are left out. */
  readonly inputs: readonly string[]
  /** Of its first output, batch included; null: unknown. */
  readonly shape: readonly (number | string)[] | null
  /** Multiply-accumulates for one sample; null: unknown or none. */
  readonly macs: number | null
  /** Index into `layers` of the report, if the node's weights are quantized. */
  readonly layer: number | null
  /** Index into `activations` of the report, if its output has a quantizer. */
  readonly activation: number | null
}

/** Counts of the float weights of one layer in bins of equal width from `min` to `max`. */
export interface WeightHistogram {
  readonly min: number
  readonly max: number
  readonly counts: readonly number[]
}

/** The points of one candidate's grid, of the output channel with the largest threshold. */
export interface CandidateGrid {
  readonly bits: number
  /** Largest absolute value on the grid. */
  readonly threshold: number
  /** `symmetric`, `midRise`, `kMeans` ... */
  readonly scheme: string
  /** All points, ascending, up to 4 bits; null for wider ones. */
  readonly points: readonly number[] | null
}

/** Distances of one row of the sweep: means over the samples. */
export interface SensitivityRow {
  /** A node (weights) or a value (activation). */
  readonly node: string
  readonly candidates: readonly {
    readonly bits: number
    /** One per interest point. */
    readonly points: readonly number[]
    /** One per output. */
    readonly outputs: readonly number[]
    readonly losses: readonly number[]
  }[]
}

/** One output for the first sample: the float model beside the written one. At most 1024 values of the first row. */
export interface OutputSample {
  readonly output: string
  readonly float: readonly number[]
  readonly quantized: readonly number[]
}

/** Everything about one run that a person may want to see, as JSON: the report, and what its pictures need. */
export interface RunRecord extends QuantizeReport {
  readonly format: 'mixbit-run'
  readonly version: 1
  readonly network: readonly NetworkNode[]
  /** null without a sweep. */
  readonly sensitivity: {
    /** Interest points in topological order: at most 64, evenly spread. */
    readonly points: readonly { readonly node: string; readonly value: string }[]
    readonly outputs: readonly { readonly node: string; readonly value: string }[]
    readonly rows: readonly SensitivityRow[]
  } | null
  /** Under the weighting that decided, cheapest first; empty without a sweep over weights. */
  readonly frontier: readonly FrontierPoint[]
  /** One per layer of the report. */
  readonly weightHistograms: readonly WeightHistogram[]
  /** Per layer of the report, one per candidate. */
  readonly candidateGrids: readonly (readonly CandidateGrid[])[]
  readonly samples: readonly OutputSample[]
}
