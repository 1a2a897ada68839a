import { withSession } from '@mixbit/adapter'
import type { Graph } from '@mixbit/graph'
import { type Assignment, activationGrids, apply } from './apply.ts'
import { compareSessions } from './compare.ts'
import { correctActivationBias } from './corrections/activation-bias.ts'
import { correctSecondMoment } from './corrections/second-moment.ts'
import type { Job } from './job.ts'
import type { Observed } from './observe.ts'
import { outputLosses } from './output-loss.ts'
import { reconstruct } from './reconstruct/reconstruct.ts'

/** The graph of an assignment with its candidates as they are: weights and activations on their grids, biases corrected. */
export function simulated(job: Job, observed: Observed, assignment: Assignment): Promise<Graph> {
  const applied = apply(job.prepared, job.layers, assignment, observed, job.config)
  return correctActivationBias(job, applied, activationGrids(observed, assignment))
}

/** A graph as it is written, and what the repair through the model brought. */
export interface Repaired {
  readonly graph: Graph
  /** Measured model output losses; null where no weights compensate. A repair that was left out changes nothing. */
  readonly losses: { readonly inLayers: number; readonly throughModel: number } | null
}

/**
 * The graph of an assignment as it is written: simulated, then repaired through the model and corrected. A repair that makes the outputs
 * worse, by their loss and by their signal-to-noise ratio, is left out: with few samples it is fitted to what is peculiar to them.
 */
export async function repairedGraph(job: Job, observed: Observed, assignment: Assignment): Promise<Repaired> {
  const centred = await simulated(job, observed, assignment)
  if (!assignment.weights.some(({ scheme }) => scheme))
    return { graph: await correctSecondMoment(job, centred), losses: null }
  const repaired = await reconstruct(job, centred, assignment.weights, observed.couplings)
  const [inLayers, after] = (await outputLosses(job, [centred, repaired])) as [number, number]
  const isWorse = !(after <= inLayers) && !((await meanSqnr(job, repaired)) >= (await meanSqnr(job, centred)))
  const graph = await correctSecondMoment(job, isWorse ? centred : repaired)
  return { graph, losses: { inLayers, throughModel: isWorse ? inLayers : after } }
}

/** Of the outputs of a graph, in dB. */
async function meanSqnr(job: Job, graph: Graph): Promise<number> {
  const { adapter, prepared } = job
  const { outputs } = prepared
  const samples = job.samples.slice(0, job.config.mixedPrecisionConfig.numOfImages)
  const found = await withSession(adapter, prepared, outputs, (float) =>
    withSession(adapter, graph, outputs, (session) => compareSessions(float, session, samples, outputs, job)),
  )
  return found.reduce((sum, { sqnr }) => sum + sqnr, 0) / found.length
}
