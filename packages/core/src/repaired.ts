import { withSession } from '@mixbit/adapter'
import type { Graph } from '@mixbit/graph'
import { type Assignment, activationGrids, apply } from './apply.ts'
import { compareSessions } from './compare.ts'
import { correctActivationBias } from './corrections/activation-bias.ts'
import { correctSecondMoment } from './corrections/second-moment.ts'
import type { Job } from './job.ts'
import type { Observed } from './observe.ts'
import { mostDeciding, outputLosses } from './output-loss.ts'
import { couplingsOf } from './reconstruct/couplings.ts'
import { reconstruct } from './reconstruct/reconstruct.ts'

/** The graph of an assignment with its candidates as they are: weights and activations on their grids, biases corrected. */
export function simulated(job: Job, observed: Observed, assignment: Assignment): Promise<Graph> {
  const applied = apply(job.prepared, job.layers, assignment, observed, job.config)
  return correctActivationBias(job, applied, activationGrids(observed, assignment))
}

/** A graph as it is written, and what the repair through the model brought. */
export interface Repaired {
  readonly graph: Graph
  /** Measured model output losses; null where no weights compensate. */
  readonly losses: RepairLosses | null
  /** Whether there were couplings of channels to round with. */
  readonly couples: boolean
}

/** Means over the first `samples` samples. A step that is left out has the loss of the one before. */
export interface RepairLosses {
  readonly samples: number
  readonly inLayers: number
  readonly throughModel: number
  /** null where that was not a step of its own. */
  readonly allChannelsInView: number | null
}

/**
 * The graph of an assignment as it is written: simulated, then repaired through the model and corrected. A repair that makes the outputs
 * worse, by their loss and by their signal-to-noise ratio, is left out: with few samples it is fitted to what is peculiar to them. With
 * samples enough, layers of few bits are rounded with all channels in view as well, and less loss decides.
 */
export async function repairedGraph(job: Job, observed: Observed, assignment: Assignment): Promise<Repaired> {
  const { weights } = assignment
  const centred = await simulated(job, observed, assignment)
  if (!weights.some(({ scheme }) => scheme))
    return { graph: await correctSecondMoment(job, centred), losses: null, couples: false }
  const couplings = await couplingsOf(job, weights)
  const couples = couplings.size > 0
  const compares = couples && job.config.quantizationConfig.weightsChannelCoupling === 'measured'
  const repaired = await reconstruct(job, centred, weights, compares ? new Map() : couplings)
  const rival = compares ? await reconstruct(job, centred, weights, couplings) : null
  const graphs = [centred, repaired, ...(rival ? [rival] : [])]
  const samples = rival ? mostDeciding : job.config.mixedPrecisionConfig.numOfImages
  const [inLayers, after, inView] = (await outputLosses(job, graphs, samples)) as [number, number, number?]
  const isWorse = !(after <= inLayers) && !((await meanSqnr(job, repaired)) >= (await meanSqnr(job, centred)))
  const [plain, throughModel] = isWorse ? [centred, inLayers] : [repaired, after]
  const isBetter = rival !== null && inView! < throughModel
  return {
    graph: await correctSecondMoment(job, isBetter ? rival : plain),
    losses: {
      ...{ samples, inLayers, throughModel },
      allChannelsInView: rival ? Math.min(inView!, throughModel) : null,
    },
    couples,
  }
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
