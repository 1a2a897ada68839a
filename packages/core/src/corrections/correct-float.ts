import type { Graph, NodeId } from '@mixbit/graph'
import { type ActivationGroup, activationGroups } from '../activations.ts'
import type { FullConfig } from '../config.ts'
import type { Job } from '../job.ts'
import { boundRelus } from './bound-relus.ts'
import { centreLogits } from './centre-logits.ts'
import { equalizeChannels } from './equalize-channels.ts'
import { type NegativeShift, shiftNegatives } from './shift-negatives.ts'

/** A job before its layers have candidates. */
export type FloatJob = Omit<Job, 'layers' | 'activationBits' | 'warnings'>

/** A correction that was made, and at which nodes. */
export interface AppliedCorrection {
  /** The option in `quantizationConfig`. */
  readonly option: keyof FullConfig['quantizationConfig']
  readonly nodes: readonly NodeId[]
}

/** The float graph after a correction, which computes what it did before. */
export interface Change {
  readonly graph: Graph
  readonly nodes: readonly NodeId[]
  readonly shifts?: readonly NegativeShift[]
}

/** A change of the float graph that makes its activations easier to quantize; `groups` are those with a quantizer. */
export type Correction = (job: FloatJob, groups: readonly ActivationGroup[]) => Promise<Change>

const corrections: readonly (readonly [AppliedCorrection['option'], Correction])[] = [
  ['reluBoundToPowerOf2', boundRelus],
  ['activationChannelEqualization', equalizeChannels],
  ['softmaxShift', centreLogits],
  ['shiftNegativeActivationCorrection', shiftNegatives],
]

/** Makes the corrections of the config one after the other. They are about activations: where those stay float, nothing changes. */
export async function correctFloat<F extends FloatJob>(job: F): Promise<F> {
  let corrected = job
  for (const [option, correct] of corrections) {
    const { prepared, platform, config } = corrected
    if (!platform.activations || !config.quantizationConfig[option]) continue
    const { graph, nodes, shifts = [] } = await correct(corrected, activationGroups(prepared, platform))
    if (nodes.length === 0) continue
    corrected = {
      ...corrected,
      prepared: graph,
      shifts: new Map([...corrected.shifts, ...shifts.map((shift) => [shift.add, shift] as const)]),
      corrections: [...corrected.corrections, { option, nodes }],
    }
  }
  return corrected
}
