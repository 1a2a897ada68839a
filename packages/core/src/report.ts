import type { TransferBytes } from '@mixbit/adapter'
import type { Solution } from '@mixbit/solver'
import type { Assignment } from './apply.ts'
import type { Scores } from './assign.ts'
import type { Candidate, Layer } from './candidates.ts'
import type { OutputDistance } from './compare.ts'
import type { FullConfig } from './config.ts'
import type { AppliedCorrection } from './corrections/correct-float.ts'
import type { ResourceUtilization } from './job.ts'
import type { FloatSizes } from './limits.ts'
import type { RemeasureReport } from './neighbourhood/remeasure.ts'
import type { InteractionsReport } from './neighbourhood/report-interactions.ts'
import type { Activation } from './observe.ts'
import type { RoundingStep } from './rounding-steps.ts'
import type { Schedule } from './schedule.ts'
import type { NodeSimilarity } from './similarity.ts'
import type { OutputLayer, WeightingChoice } from './weightings.ts'

/** One layer of the report: what it got, what it could have had, and why. */
export interface LayerReport {
  readonly node: string
  readonly kind: string
  readonly shape: readonly number[]
  readonly bits: number
  readonly bytes: number
  readonly floatBytes: number
  /** null when mixed precision is off. */
  readonly sensitivity: number | null
  readonly candidates: readonly {
    readonly bits: number
    readonly bytes: number
    readonly fileBytes: number
    readonly sensitivity: number | null
  }[]
  /** Why it got its bits, in one sentence. */
  readonly reason: string
}

/** One activation quantizer of the report. */
export interface ActivationReport {
  readonly value: string
  /** Every value on its grid. */
  readonly values: readonly string[]
  /** The values inside the fused chains that end in them: they have no quantizer. */
  readonly fused: readonly string[]
  readonly bits: number
  /** null when activations were not searched. */
  readonly sensitivity: number | null
  readonly candidates: readonly { readonly bits: number; readonly sensitivity: number | null }[]
}

/** What `quantize` did and why, as plain data. Sizes in bytes. */
export interface QuantizeReport {
  readonly model: string
  readonly targetPlatform: string
  readonly mixedPrecision: boolean
  /** Of BEST: the one that won. */
  readonly distanceWeightingMethod: string
  readonly layers: readonly LayerReport[]
  /** Activations with a quantizer; none when the target platform leaves them in float. */
  readonly activations: readonly ActivationReport[]
  /** Requested limits, null where none was set. */
  readonly budget: Readonly<Record<keyof ResourceUtilization, number | null>>
  /** What the choice costs; activationMemory and totalMemory only when a budget asked for them. */
  readonly utilization: Readonly<Record<keyof ResourceUtilization, number | null>> & { readonly weightsMemory: number }
  readonly floatUtilization: FloatSizes
  readonly predictedBytes: number | null
  readonly bytes: number | null
  /** The written files under gzip and brotli; null when the adapter does not tell. */
  readonly transferBytes: TransferBytes | null
  /** The last quantized layers before each output. */
  readonly outputLayers: readonly OutputLayer[]
  /** When one of them is starved, and with BEST: what every weighting would choose. `asWritten` tells how they are measured. */
  readonly weightings: readonly WeightingChoice[]
  /** With `interactions`: what they changed, and how well they predict; else null. */
  readonly interactions: InteractionsReport | null
  /** With `remeasure`: what every round measured and took; else null. */
  readonly remeasured: RemeasureReport | null
  /** What each step of the rounding bought; empty for nearest rounding and for what only analyses. */
  readonly rounding: readonly RoundingStep[]
  /** What was done to the float graph for the sake of its activations, and at which nodes. */
  readonly corrections: readonly AppliedCorrection[]
  /** Node by node, with `debugConfig.analyzeSimilarity`; else empty. */
  readonly similarity: readonly NodeSimilarity[]
  /** Memory step by step, with `debugConfig.simulateScheduler`; else null. */
  readonly schedule: Schedule | null
  readonly distances: {
    /** The written file against the float model; empty without `write`. */
    readonly toFloat: readonly OutputDistance[]
    /** The written file, under the runtime's default options, against the simulation. */
    readonly toSimulation: readonly OutputDistance[]
  }
  readonly solver: {
    readonly status: string
    readonly objective: number
    readonly bound: number
    readonly gap: number
  } | null
  /** Samples that the sensitivities are the mean of; null where nothing was measured sample by sample. */
  readonly sensitivitySamples: number | null
  readonly warnings: readonly string[]
  /** Milliseconds per stage. */
  readonly timings: Readonly<Record<string, number>>
}

/** The rows of the report. */
export function layerReports(
  layers: readonly Layer[],
  assignment: Assignment['weights'],
  scores: Scores | null,
): LayerReport[] {
  return layers.map((layer, i) => {
    const chosen = assignment[i]!
    const row = scores?.[i]
    return {
      node: layer.node,
      kind: layer.kind,
      shape: layer.shape,
      bits: chosen.bits,
      bytes: chosen.weightsBytes,
      floatBytes: layer.floatBytes,
      sensitivity: row?.[layer.candidates.indexOf(chosen)] ?? null,
      candidates: layer.candidates.map(({ bits, weightsBytes, fileBytes }, c) => ({
        bits,
        bytes: weightsBytes,
        fileBytes,
        sensitivity: row?.[c] ?? null,
      })),
      reason: reasonFor(layer, chosen, row),
    }
  })
}

/** The activations of the report. */
export const activationReports = (
  activations: readonly Activation[],
  assignment: Assignment['activations'],
  scores: Scores,
): ActivationReport[] =>
  activations.map(({ value, values, fused, candidates }, i) => ({
    value,
    values,
    fused,
    bits: assignment[i]!.bits,
    sensitivity: scores[i]?.[candidates.indexOf(assignment[i]!)] ?? null,
    candidates: candidates.map(({ bits }, c) => ({ bits, sensitivity: scores[i]?.[c] ?? null })),
  }))

function reasonFor(layer: Layer, chosen: Candidate, row: readonly number[] | undefined): string {
  const at = layer.candidates.indexOf(chosen)
  if (at < 0) return `${chosen.bits} bits by the network editor, after the search`
  if (layer.candidates.length === 1) return `${chosen.bits} bits is its only candidate`
  if (!row) return 'no budget: the base candidate'
  const step = (to: number) => {
    const bytes = layer.candidates[to]!.weightsBytes - chosen.weightsBytes
    const { bits } = layer.candidates[to]!
    return `${bits} ${bits === 1 ? 'bit' : 'bits'} would ${bytes > 0 ? `cost ${bytes}` : `save ${-bytes}`} bytes and change the sensitivity by ${signed(row[to]! - row[at]!)}`
  }
  return [at > 0 ? step(at - 1) : null, at < layer.candidates.length - 1 ? step(at + 1) : null]
    .filter(Boolean)
    .join('; ')
}

const signed = (x: number): string => `${x < 0 ? '' : '+'}${x.toPrecision(3)}`

/** One warning per starved output layer: who did it, and who would not. */
export function starvationWarnings(
  { mixedPrecisionConfig: { distanceWeightingMethod: method } }: FullConfig,
  ends: readonly OutputLayer[],
  weightings: readonly WeightingChoice[],
): string[] {
  const own = weightings.find((choice) => choice.method === method)
  return ends
    .filter(({ starved }) => starved)
    .map((end) => {
      const { node, output } = end
      const bitsOf = ({ bits, activationBits }: OutputLayer) =>
        activationBits === null ? `${bits} bits` : `${bits}-bit weights and ${activationBits}-bit activations`
      const sqnr = (choice: WeightingChoice) => choice.outputs.find((o) => o.output === output)?.sqnr ?? Number.NaN
      const better = weightings
        .filter((choice) => own && sqnr(choice) > sqnr(own) + 0.05)
        .sort((a, b) => sqnr(b) - sqnr(a))
        .map((choice) => {
          const there = choice.outputLayers.find((other) => other.node === node && other.output === output)
          return `${choice.method} gives it ${there ? bitsOf(there) : 'others'} (${sqnr(choice).toFixed(1)} dB)`
        })
      const before = own?.asWritten ? '' : ' before the repair through the model'
      const advice = !own
        ? 'LAST_LAYER, EXP or OUTPUT may leave it more bits.'
        : better.length > 0
          ? `${method} chose so, and the output has ${sqnr(own).toFixed(1)} dB SQNR${before}; at the same budget ${better.join(', ')}.`
          : `${method} chose so, and the output has ${sqnr(own).toFixed(1)} dB SQNR${before}; no other weighting does better at this budget.`
      return `${node}, the last layer before output ${output}, has ${bitsOf(end)}, which can ruin that output. ${advice}`
    })
}

/** What the report keeps of the solver's answer. */
export const solverReport = (solution: Solution | null): QuantizeReport['solver'] =>
  solution && { status: solution.status, objective: solution.objective, bound: solution.bound, gap: solution.gap }
