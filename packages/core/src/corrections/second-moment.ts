import {
  type Graph,
  type Grid,
  type Node,
  nodeById,
  replaceValues,
  sizeOf,
  type Tensor,
  toF32,
  type Value,
  verify,
} from '@mixbit/graph'
import { dequantize, quantize } from '@mixbit/quantizers'
import { correctable, withBias } from '../bias.ts'
import type { Job } from '../job.ts'
import { channelAxis } from '../observe.ts'
import { operatorRule } from '../operator-rule.ts'
import { breathe, checkAborted } from '../progress.ts'
import { advance, samplesThatFit, startWalk } from '../reconstruct/walk.ts'
import { type ChannelStatistics, channelObserver, channelStatistics } from './channel-statistics.ts'

/** y <- factor y + offset, channel by channel. */
interface Refit {
  readonly factor: Float64Array
  readonly offset: Float64Array
}

/**
 * Gives every channel of what a layer gives the mean and the standard deviation that it has in the float model, layer by layer in the
 * order of the graph: scales and biases change, integers do not. Layers need a scale per output channel that may be any
 * number. Source: MCT's weightsSecondMomentCorrection, which puts the folded batch norms back and gathers their statistics
 * anew; here the statistics are those of the float layer on the samples, so layers without a batch norm take part.
 */
export async function correctSecondMoment(job: Job, quantized: Graph): Promise<Graph> {
  const { adapter, prepared, config } = job
  const layers = config.quantizationConfig.weightsSecondMomentCorrection ? refittable(job, quantized) : []
  if (layers.length === 0) return quantized
  const samples = job.samples.slice(0, await samplesThatFit(job))
  const axes = new Map(layers.map((node) => [node.outputs[0]!, channelAxis(node)]))
  const float = await channelStatistics({ ...job, samples }, prepared, axes, 'second moments')
  const walk = startWalk(samples)
  let graph = quantized
  for (const node of layers) {
    checkAborted(job.signal)
    const output = node.outputs[0]!
    const at = quantized.nodes.findIndex(({ id }) => id === node.id)
    await advance(walk, graph, at + 1, adapter, new Set([output]))
    const observer = channelObserver(channelAxis(node))
    for (const live of walk.live) observer.add(live.get(output)!)
    const refit = refitOf(observer.statistics(), float.get(output)!)
    const next = refitted(graph, node, refit)
    if (next === graph) continue
    graph = next
    for (const live of walk.live) live.set(output, refitTensor(live.get(output)!, channelAxis(node), refit))
    await breathe()
  }
  verify(graph)
  return graph
}

/** Layers with a weight of their own on a grid with one scale per output channel. */
function refittable({ layers, platform }: Job, quantized: Graph): Node[] {
  const own = layers.filter(({ sharedWith, weights }) => sharedWith.length === 0 && weights.length === 1)
  return own
    .map(({ node }) => nodeById(quantized, node))
    .filter((node) => {
      const { stored, dtype } = quantized.values.get(node.inputs[1] ?? '') ?? {}
      const powers = operatorRule(platform, node).weights?.scheme === 'powerOfTwo'
      const perChannel = dtype === 'f32' && (stored?.axis ?? null) !== null
      return correctable(node) && perChannel && !node.attrs.activation && !powers
    })
}

/** A channel that does not vary, before or after, cannot be made to; its mean can. */
function refitOf(now: ChannelStatistics, wanted: ChannelStatistics): Refit {
  const ratio = now.standardDeviation.map((sigma, c) => wanted.standardDeviation[c]! / sigma)
  const factor = ratio.map((f) => (f > 0 && Number.isFinite(f) ? f : 1))
  return { factor, offset: factor.map((f, c) => wanted.mean[c]! - f * now.mean[c]!) }
}

/** The graph as it is where scales and biases are not one per channel. */
function refitted(graph: Graph, node: Node, { factor, offset }: Refit): Graph {
  const weight = graph.values.get(node.inputs[1]!)!
  const { scale } = weight.stored!
  const biased = withBias(graph, node, factor.length, (b, c) => factor[c]! * b + offset[c]!)
  if (biased === graph || scale.length !== factor.length) return graph
  const stored = { ...weight.stored!, scale: scale.map((s, c) => s * factor[c]!) }
  return replaceValues(biased, new Map([[weight.id, onGrid(weight, stored)]]))
}

/** The same integers on another grid. */
function onGrid(weight: Value, grid: Grid): Value {
  const tensor = weight.tensor!
  const integers = quantize(toF32(tensor), tensor.shape, weight.stored!)
  return {
    ...weight,
    tensor: { dtype: 'f32', shape: tensor.shape, data: dequantize(integers, tensor.shape, grid) },
    stored: grid,
  }
}

function refitTensor(tensor: Tensor, axis: number, { factor, offset }: Refit): Tensor {
  const inner = axis < 0 ? 1 : sizeOf(tensor.shape.slice(axis + 1))
  const data = toF32(tensor).map((y, i) => {
    const c = Math.floor(i / inner) % factor.length
    return factor[c]! * y + offset[c]!
  })
  return { dtype: 'f32', shape: tensor.shape, data }
}
