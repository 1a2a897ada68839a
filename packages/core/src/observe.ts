import { type Grid, MixbitError, type Node, type NodeId, producers, toF32, type ValueId } from '@mixbit/graph'
import { activationGrid, type Histogram, histogramObserver, toHistogram, zScoreFilter } from '@mixbit/quantizers'
import { activationWidths } from './activation-widths.ts'
import { type ActivationGroup, activationGroups } from './activations.ts'
import { correctable } from './bias.ts'
import type { FullConfig } from './config.ts'
import { channelObserver } from './corrections/channel-statistics.ts'
import { equalConcats } from './corrections/equal-concats.ts'
import { eachSample } from './each-sample.ts'
import type { Job } from './job.ts'
import { type EditedActivations, editedActivations } from './network-editor.ts'
import { allFinite } from './samples.ts'

/** One way to quantize an activation. */
export interface ActivationCandidate {
  readonly bits: number
  readonly grid: Grid
  /** What the network editor takes in its place when it was chosen. */
  readonly final?: ActivationCandidate
}

/** An activation with a quantizer. */
export interface Activation {
  readonly value: ValueId
  /** All values on its grid: itself, and those that nodes which only move data made from it. */
  readonly values: readonly ValueId[]
  /** The values inside the fused chains that end in them: they have no quantizer. */
  readonly fused: readonly ValueId[]
  /** Widest first. */
  readonly candidates: readonly ActivationCandidate[]
  /** Bits of the candidate that is taken where nothing is searched. */
  readonly base: number
  /** Why that is not the base of the platform; null if it is. */
  readonly otherBase: string | null
}

/** What calibration learned from the representative dataset. */
export interface Observed {
  /** In topological order. */
  readonly activations: readonly Activation[]
  /** Mean of every input channel of a layer, for bias correction. */
  readonly inputMeans: ReadonlyMap<NodeId, Float64Array>
}

/** Axis of the channels in what the layer reads and gives: the last one for dense layers and channels-last convolutions. */
export const channelAxis = (node: Node): number => (node.kind === 'dense' || node.weights[0]?.axis !== 0 ? -1 : 1)

/**
 * Runs the float graph over the samples once, and keeps histograms of activations and means of layer inputs. Activations have
 * all their candidates only when a budget may leave them free.
 */
export async function observe(job: Job, free: boolean): Promise<Observed> {
  const { prepared: graph, config, platform, shifts } = job
  const layerIds = new Set(job.layers.flatMap((layer) => [layer.node, ...layer.sharedWith]))
  const groups = activationGroups(graph, platform, shifts)
  const inputs = graph.nodes
    .filter((node) => layerIds.has(node.id) && correctable(node))
    .map((node) => ({ node, value: node.inputs[0] as ValueId, observer: channelObserver(channelAxis(node)) }))
  const widthsOf = activationWidths(job)
  const observed = groups.map(({ value }) => value)
  const wanted = [...observed, ...inputs.map(({ value }) => value)]
  const observer = histogramObserver()
  const makers = producers(graph)
  const histograms = new Map(observed.map((id) => [id, observer.empty]))
  await eachSample(job, graph, wanted, { stage: 'observed' }, (tensors) => {
    for (const id of observed) {
      const data = finite(id, toF32(tensors.get(id)!))
      histograms.set(id, observer.observe(histograms.get(id)!, data))
    }
    for (const { value, observer: means } of inputs) means.add(tensors.get(value)!)
  })
  const rows = groups.map((group): Activation => {
    const { value, values, fused } = group
    const { offer, final } = editedActivations(config, group)
    const { widths, base, otherBase } = widthsOf(values, offer)
    const histogram = toHistogram(histograms.get(value)!)
    const make = (bits: number, edited: EditedActivations): ActivationCandidate => {
      const bounds = keptBounds(job, group, bits) ?? makers.get(value)?.bounds
      return { bits, grid: gridOf(histogram, bits, edited, bounds, config) }
    }
    const pinned = job.activationBits.get(value)
    const kept = pinned === undefined ? (free ? widths : [base]) : [pinned]
    const candidates = kept.map((bits) => ({
      ...make(bits, offer),
      ...(final && { final: make(final.finalBits ?? bits, final) }),
    }))
    const reason = pinned === undefined ? otherBase : null
    return { value, values, fused, candidates, base: pinned ?? base, otherBase: reason }
  })
  return {
    activations: config.quantizationConfig.concatThresholdUpdate ? equalConcats(graph, rows) : rows,
    inputMeans: new Map(inputs.map(({ node, observer: means }) => [node.id, means.statistics().mean])),
  }
}

/** What is shifted to above zero keeps the threshold that it had. */
function keptBounds({ shifts, config }: Job, { nodes }: ActivationGroup, bits: number): Node['bounds'] {
  const [shift] = nodes.flatMap(({ id }) => shifts.get(id) ?? [])
  const keeps = shift?.bits === bits && !config.quantizationConfig.shiftNegativeThresholdRecalculation
  return keeps ? [0, shift.threshold] : undefined
}

/** The histogram without the outliers that `zThreshold` leaves out. */
export function filtered(histogram: Histogram, { quantizationConfig: { zThreshold } }: FullConfig): Histogram {
  return Number.isFinite(zThreshold) ? zScoreFilter(histogram, zThreshold) : histogram
}

/** The grid of an activation by the config; finite bounds are covered without a search. */
export function gridOf(
  histogram: Histogram,
  bits: number,
  edited: EditedActivations,
  bounds: Node['bounds'],
  config: FullConfig,
): Grid {
  const { activationErrorMethod, lPValue } = config.quantizationConfig
  const { scheme, signedness = 'auto', signed, errorMethod = activationErrorMethod, range } = edited
  const sign = signed ?? (signedness === 'auto' ? undefined : signedness === 'signed')
  const common = { bits, scheme, ...(sign !== undefined && { signed: sign }) }
  if (range) return activationGrid({ ...common, min: range[0], max: range[1] })
  return activationGrid({
    ...common,
    histogram: filtered(histogram, config),
    errorMethod,
    lp: lPValue,
    ...(bounds && { bounds: { min: bounds[0], max: bounds[1] } }),
  })
}

function finite(id: ValueId, data: Float32Array): Float32Array {
  if (allFinite(data)) return data
  throw new MixbitError(
    'ACTIVATION_NOT_FINITE',
    `Value %${id} is not finite for a sample of the representative dataset.`,
    {
      hint: 'Check the preprocessing of the data, or whether the float model itself overflows.',
      context: { id },
    },
  )
}
