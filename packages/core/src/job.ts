import type { Adapter } from '@mixbit/adapter'
import { type Graph, MixbitError, type NodeId, type Tensors, type ValueId, verify } from '@mixbit/graph'
import { activationWidths } from './activation-widths.ts'
import { activationGroups } from './activations.ts'
import type { Assignment } from './apply.ts'
import { correctable } from './bias.ts'
import { candidatesFor, type Layer, weightNodes } from './candidates.ts'
import { checkEdits } from './check-edits.ts'
import { type CoreConfig, type FullConfig, fullConfig } from './config.ts'
import { type AppliedCorrection, correctFloat, type FloatJob } from './corrections/correct-float.ts'
import type { NegativeShift } from './corrections/shift-negatives.ts'
import { manualBits, overwritten, pinned } from './manual-bits.ts'
import { editedActivations, subjectOf } from './network-editor.ts'
import { prepare } from './prepare.ts'
import type { Report } from './progress.ts'
import { compensateCandidates } from './reconstruct/compensate-candidates.ts'
import { checkSamples } from './samples.ts'
import { type TargetPlatform, targetPlatform } from './target-platform.ts'

/** Where the sweep keeps what it has measured: lines of text, appended one by one. */
export interface Checkpoint {
  load(): Promise<readonly string[]>
  append(line: string): Promise<void>
}

/** Upper limits on resource utilization: bytes, a size (`'250 kB'`) or a share of the float model (`'25%'`). */
export interface ResourceUtilization {
  /** Bytes of the quantized layers' weights alone. */
  readonly weightsMemory?: number | string
  /** Bytes of the written file, container and scales included. */
  readonly fileSize?: number | string
  /** Bytes of the written files on the wire: under brotli, or under gzip where the runtime has no brotli. */
  readonly transferSize?: number | string
  /** Bytes of the activations that are alive at the worst moment, for one sample, fused chains as one. */
  readonly activationMemory?: number | string
  /** Weights and activations together. */
  readonly totalMemory?: number | string
  /** Bit operations for one sample: macs x activation bits x weight bits, summed over the layers. */
  readonly bops?: number | string
}

export interface JobOptions<Source = unknown, Artifact = unknown> extends Report {
  readonly adapter: Adapter<Source, Artifact>
  /** Unlabelled inputs, one feed per sample; the shapes include the batch axis. */
  readonly representativeDataset?: readonly Tensors[]
  readonly coreConfig?: CoreConfig
  /** Default `'weights-only'`. */
  readonly targetPlatform?: string | TargetPlatform
  /** Keeps the sweep's rows, so that a killed run goes on where it stopped. */
  readonly checkpoint?: Checkpoint
  /** Gets the graph of every stage that changes it, in order; with the last one, the assignment that made it. */
  readonly onGraph?: (stage: GraphStage, graph: Graph, assignment?: Assignment) => void
}

/**
 * Stages that change the graph, under MCT's names: as read; constants folded; batch norms folded and chains collapsed; corrected
 * for the sake of activations; quantized.
 */
export type GraphStage =
  | 'initial_graph'
  | 'after_graph_preparation'
  | 'pre_statistics_collection_substitutions'
  | 'post_statistics_collection_substitutions'
  | 'after_statistics_correction'

/** A job whose options are checked and whose graph is read, prepared and has candidates. */
export interface Job<Artifact = unknown> extends Report {
  readonly adapter: Adapter<unknown, Artifact>
  readonly config: FullConfig
  readonly platform: TargetPlatform
  readonly checkpoint: Checkpoint | undefined
  readonly onGraph?: JobOptions['onGraph']
  /** As read. */
  readonly graph: Graph
  readonly prepared: Graph
  /** The nodes of the prepared graph that shift activations to above zero. */
  readonly shifts: ReadonlyMap<NodeId, NegativeShift>
  /** What was done to the float graph for the sake of its activations. */
  readonly corrections: readonly AppliedCorrection[]
  readonly layers: readonly Layer[]
  /** Bit-widths of activations that are set by hand. */
  readonly activationBits: ReadonlyMap<ValueId, number>
  readonly samples: readonly Tensors[]
  /** What the user should know of the preparation. */
  readonly warnings: readonly string[]
}

const known = [
  'adapter',
  'representativeDataset',
  'coreConfig',
  'targetPlatform',
  'targetResourceUtilization',
  'checkpoint',
  'onGraph',
  'onProgress',
  'signal',
]

/**
 * Reads and prepares a model, up to its candidates; with data, these are rounded so that errors compensate.
 * @throws MixbitError for unknown options, an invalid config or platform, an unreadable model, unfit data, and
 * `NOTHING_TO_QUANTIZE` for a model without quantizable weights.
 */
export async function startJob<Source, Artifact>(
  source: Source,
  options: JobOptions<Source, Artifact>,
  needsData = true,
): Promise<Job<Artifact>> {
  const unknown = Object.keys(options).filter((key) => !known.includes(key))
  if (unknown.length > 0)
    throw new MixbitError('OPTION_UNKNOWN', `Unknown option(s): ${unknown.join(', ')}.`, {
      hint: `Options are ${known.join(', ')}.`,
    })
  const config = fullConfig(options.coreConfig)
  const platform = targetPlatform(options.targetPlatform)
  const adapter = options.adapter as Adapter<unknown, Artifact>
  const graph = await adapter.read(source)
  verify(graph)
  const samples = needsData ? checkSamples(graph, options.representativeDataset) : []
  options.onProgress?.({ stage: 'graph', done: 1, total: 1, message: `${graph.nodes.length} nodes` })
  const { onProgress, signal, checkpoint, onGraph } = options
  onGraph?.('initial_graph', graph)
  const read: FloatJob = {
    adapter,
    config,
    platform,
    graph,
    prepared: prepare(graph, config, onGraph),
    shifts: new Map(),
    corrections: [],
    samples,
    checkpoint,
    ...(onGraph && { onGraph }),
    ...(onProgress && { onProgress }),
    ...(signal && { signal }),
  }
  const float = needsData && !config.debugConfig.bypass ? await correctFloat(read) : read
  const { prepared } = float
  onGraph?.('post_statistics_collection_substitutions', prepared)
  options.onProgress?.({ stage: 'prepared', done: 1, total: 1, message: `${prepared.nodes.length} nodes` })
  const { layers, activationBits } = choices(float)
  if (layers.length === 0)
    throw new MixbitError(
      'NOTHING_TO_QUANTIZE',
      `The model has no weights that ${adapter.name} can quantize for ${platform.name}.`,
      {
        hint: 'Weights must be float constants of convolutions, dense layers, embeddings or recurrent layers.',
      },
    )
  options.onProgress?.({
    stage: 'candidates',
    done: layers.length,
    total: layers.length,
    message: `${layers.length} layers`,
  })
  const job: Job<Artifact> = { ...float, adapter, layers, activationBits, warnings: [] }
  const { weightsRounding, weightsErrorMethod } = config.quantizationConfig
  const looksAtInputs = weightsRounding === 'errorCompensating' || weightsErrorMethod === 'HMSE'
  return looksAtInputs && needsData && !config.debugConfig.bypass
    ? { ...job, ...(await compensateCandidates(job)) }
    : job
}

/** The layers with their candidates, and what is set by hand; every rule of the config is checked here. */
function choices({ prepared: graph, adapter, platform, config, shifts }: FloatJob) {
  const weightLayers = weightNodes(graph, adapter, platform)
  const groups = activationGroups(graph, platform, shifts)
  checkEdits(config.debugConfig.networkEditor, {
    nodes: graph.nodes,
    layers: new Set(weightLayers.map(({ id }) => id)),
    correctable: new Set(weightLayers.filter(correctable).map(({ id }) => id)),
    activations: groups,
    weightBits: adapter.capabilities.weightBits,
    activationBits: adapter.capabilities.activationBits,
  })
  const layers = candidatesFor(graph, adapter, platform, config)
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]))
  const widthsOf = activationWidths({ prepared: graph, platform, adapter })
  const manual = manualBits(
    config,
    layers.map(({ node, candidates }) => ({
      ...subjectOf(nodes.get(node)!),
      id: node,
      widths: candidates.map(({ bits }) => bits),
    })),
    groups.map((group) => ({
      ...group,
      id: group.value,
      widths: widthsOf(group.values, editedActivations(config, group).offer).widths,
    })),
  )
  return { layers: overwritten(pinned(layers, manual.weights), config), activationBits: manual.activations }
}

/** Bytes of all quantizable weights in float. */
export const floatWeightsBytes = (layers: readonly Layer[]): number =>
  layers.reduce((sum, layer) => sum + layer.floatBytes, 0)
