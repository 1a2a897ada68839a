import { withSession } from '@mixbit/adapter'
import { type Grid, MixbitError, type Node, type NodeId, producers, toF32, type ValueId } from '@mixbit/graph'
import { activationGrid, type Histogram, histogramObserver, toHistogram, zScoreFilter } from '@mixbit/quantizers'
import { activationWidths } from './activation-widths.ts'
import { activationGroups } from './activations.ts'
import { freedom } from './assign.ts'
import type { FullConfig } from './config.ts'
import type { Job, ResourceUtilization } from './job.ts'
import { type EditedActivations, editedActivations } from './network-editor.ts'
import { breathe, checkAborted } from './progress.ts'
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

/** A layer whose bias can be corrected: constant weight as second input, bias (if any) as third. */
export const correctable = (node: Node): boolean =>
  (node.kind === 'conv' || node.kind === 'depthwiseConv' || (node.kind === 'dense' && node.op !== 'MatMul')) &&
  node.weights.length === 1 &&
  node.weights[0]?.input === 1

/** Axis of the input channels in what the layer reads: the last one for dense layers and channels-last convolutions. */
const channelAxis = (node: Node, rank: number): number =>
  node.kind === 'dense' || node.weights[0]?.axis !== 0 ? rank - 1 : 1

/**
 * Runs the float graph over the samples once, and keeps histograms of activations and means of layer inputs. Activations have
 * all their candidates only when the budget leaves them free.
 */
export async function observe(job: Job, budget: ResourceUtilization = {}): Promise<Observed> {
  const { prepared: graph, adapter, samples, config, platform } = job
  const layerIds = new Set(job.layers.flatMap((layer) => [layer.node, ...layer.sharedWith]))
  const groups = activationGroups(graph, platform)
  const inputs = graph.nodes
    .filter((node) => layerIds.has(node.id) && correctable(node))
    .map((node) => ({ node, value: node.inputs[0] as ValueId }))
  const widthsOf = activationWidths(job)
  const observed = groups.map(({ value }) => value)
  const wanted = [...new Set([...observed, ...inputs.map(({ value }) => value)])]
  const observer = histogramObserver()
  const makers = producers(graph)
  const histograms = new Map(observed.map((id) => [id, observer.empty]))
  const sums = new Map<NodeId, { sum: Float64Array; count: number }>()
  if (wanted.length > 0)
    await withSession(adapter, graph, wanted, async (session) => {
      for (const [index, sample] of samples.entries()) {
        checkAborted(job.signal)
        const tensors = await session.run(sample)
        for (const id of observed) {
          const data = finite(id, toF32(tensors.get(id)!))
          histograms.set(id, observer.observe(histograms.get(id)!, data))
        }
        for (const { node, value } of inputs)
          addMeans(sums, node, toF32(tensors.get(value)!), tensors.get(value)!.shape)
        job.onProgress?.({ stage: 'observed', done: index + 1, total: samples.length })
        await breathe()
      }
    })
  const free = freedom(budget).activations
  return {
    activations: groups.map((group) => {
      const { value, values, fused } = group
      const { offer, final } = editedActivations(config, group)
      const { widths, base, otherBase } = widthsOf(values, offer)
      const histogram = toHistogram(histograms.get(value)!)
      const make = (bits: number, edited: EditedActivations): ActivationCandidate => ({
        bits,
        grid: gridOf(histogram, bits, edited, makers.get(value)?.bounds, config),
      })
      const pinned = job.activationBits.get(value)
      const kept = pinned === undefined ? (free ? widths : [base]) : [pinned]
      const candidates = kept.map((bits) => ({
        ...make(bits, offer),
        ...(final && { final: make(final.finalBits ?? bits, final) }),
      }))
      return {
        value,
        values,
        fused,
        candidates,
        base: pinned ?? base,
        otherBase: pinned === undefined ? otherBase : null,
      }
    }),
    inputMeans: new Map([...sums].map(([node, { sum, count }]) => [node, sum.map((x) => x / count)])),
  }
}

function gridOf(
  histogram: Histogram,
  bits: number,
  edited: EditedActivations,
  bounds: Node['bounds'],
  { quantizationConfig }: FullConfig,
): Grid {
  const { activationErrorMethod, lPValue, zThreshold } = quantizationConfig
  const { scheme, signedness = 'auto', signed, errorMethod = activationErrorMethod, range } = edited
  const sign = signed ?? (signedness === 'auto' ? undefined : signedness === 'signed')
  const common = { bits, scheme, ...(sign !== undefined && { signed: sign }) }
  if (range) return activationGrid({ ...common, min: range[0], max: range[1] })
  return activationGrid({
    ...common,
    histogram: Number.isFinite(zThreshold) ? zScoreFilter(histogram, zThreshold) : histogram,
    errorMethod,
    lp: lPValue,
    ...(bounds && { bounds: { min: bounds[0], max: bounds[1] } }),
  })
}

function addMeans(
  sums: Map<NodeId, { sum: Float64Array; count: number }>,
  node: Node,
  data: Float32Array,
  shape: readonly number[],
) {
  const axis = channelAxis(node, shape.length)
  const channels = shape[axis] ?? 1
  const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1)
  const entry = sums.get(node.id) ?? { sum: new Float64Array(channels), count: 0 }
  for (let start = 0, channel = 0; start < data.length; start += inner, channel = (channel + 1) % channels) {
    let sum = 0
    for (let i = start; i < start + inner; i++) sum += data[i]!
    entry.sum[channel]! += sum
  }
  entry.count += data.length / channels
  sums.set(node.id, entry)
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
