import { withSession } from '@mixbit/adapter'
import { type Grid, MixbitError, type Node, type NodeId, producers, toF32, type ValueId } from '@mixbit/graph'
import { activationGrid, type Histogram, histogramObserver, toHistogram, zScoreFilter } from '@mixbit/quantizers'
import { activationWidths } from './activation-widths.ts'
import { gridSources, quantizedActivations } from './activations.ts'
import { freedom } from './assign.ts'
import type { FullConfig } from './config.ts'
import { fusedChains } from './fused-chains.ts'
import type { Job, ResourceUtilization } from './job.ts'
import { breathe, checkAborted } from './progress.ts'
import { allFinite } from './samples.ts'
import type { ActivationsConfig } from './target-platform.ts'

/** One way to quantize an activation. */
export interface ActivationCandidate {
  readonly bits: number
  readonly grid: Grid
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
  const chains = fusedChains(graph, platform)
  const activations = quantizedActivations(graph, platform, chains)
  const inputs = graph.nodes
    .filter((node) => layerIds.has(node.id) && correctable(node))
    .map((node) => ({ node, value: node.inputs[0] as ValueId }))
  const widthsOf = activationWidths(job)
  const sources = gridSources(graph, platform, activations)
  const observed = [...new Set(sources.values())]
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
    activations: [...histograms].map(([value, state]) => {
      const activation = activations.get(value)!
      const values = [...activations.keys()].filter((id) => sources.get(id) === value)
      const { widths, base, otherBase } = widthsOf(values, activation)
      const candidates = (free ? widths : [base]).map((bits) => ({
        bits,
        grid: gridOf(toHistogram(state), bits, activation, makers.get(value)?.bounds, config),
      }))
      const fused = values.flatMap((id) => chains.get(makers.get(id)?.id ?? '')?.inside ?? [])
      return { value, values, fused, candidates, base, otherBase }
    }),
    inputMeans: new Map([...sums].map(([node, { sum, count }]) => [node, sum.map((x) => x / count)])),
  }
}

function gridOf(
  histogram: Histogram,
  bits: number,
  { scheme, signedness = 'auto' }: ActivationsConfig,
  bounds: Node['bounds'],
  config: FullConfig,
): Grid {
  const { activationErrorMethod, lPValue, zThreshold } = config.quantizationConfig
  const kept = Number.isFinite(zThreshold) ? zScoreFilter(histogram, zThreshold) : histogram
  return activationGrid({
    histogram: kept,
    bits,
    scheme,
    ...(signedness !== 'auto' && { signed: signedness === 'signed' }),
    errorMethod: activationErrorMethod,
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
