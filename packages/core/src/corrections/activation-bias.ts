import { type Graph, type Grid, type Node, sizeOf, toF32, type ValueId } from '@mixbit/graph'
import { biasCorrection, fakeQuantize } from '@mixbit/quantizers'
import { attrFloat, correctable, groupsOf, withBias } from '../bias.ts'
import { constant } from '../candidates.ts'
import { eachSample } from '../each-sample.ts'
import type { Job } from '../job.ts'
import { channelAxis } from '../observe.ts'
import { channelObserver } from './channel-statistics.ts'

/** How much a grid moves the mean of each channel of an activation, and the mean of the whole in percent. */
interface MeanShift {
  readonly byChannel: Float64Array
  readonly percent: number
}

/**
 * b <- b - Wq E[xq - x] for dense and 1x1 layers, where xq is what the layer reads, on its grid, and x the same in float. Activations
 * whose mean moves by less than the threshold (percent) are left alone. Source: MCT, which takes one mean for the whole
 * activation, from its histogram; here every channel has its own, measured on the samples.
 */
export async function correctActivationBias(
  job: Job,
  quantized: Graph,
  grids: ReadonlyMap<ValueId, Grid>,
): Promise<Graph> {
  const { activationBiasCorrection, activationBiasCorrectionThreshold: threshold } = job.config.quantizationConfig
  if (!activationBiasCorrection) return quantized
  const layers = job.prepared.nodes.filter((node) => isPointwise(job.prepared, node) && grids.has(node.inputs[0]!))
  const shifts = await meanShifts(job, layers, grids)
  return layers.reduce((graph, node, i) => {
    const { byChannel, percent } = shifts[i]!
    return percent < threshold ? graph : corrected(graph, node, byChannel)
  }, quantized)
}

/** A layer whose weights have no taps, so that padding plays no part. */
const isPointwise = (graph: Graph, node: Node): boolean =>
  correctable(node) && sizeOf(constant(graph, node.inputs[1]!).shape.slice(2)) === 1

async function meanShifts(job: Job, layers: readonly Node[], grids: ReadonlyMap<ValueId, Grid>): Promise<MeanShift[]> {
  const seen = layers.map((node) => {
    const axis = channelAxis(node)
    return { value: node.inputs[0]!, before: channelObserver(axis), after: channelObserver(axis) }
  })
  const values = seen.map(({ value }) => value)
  await eachSample(job, job.prepared, values, { stage: 'quantized', message: 'activation bias' }, (tensors) => {
    for (const { value, before, after } of seen) {
      const x = tensors.get(value)!
      before.add(x)
      after.add({ ...x, dtype: 'f32', data: fakeQuantize(toF32(x), x.shape, grids.get(value)!) })
    }
  })
  return seen.map(({ before, after }) => {
    const { mean } = before.statistics()
    const byChannel = after.statistics().mean.map((x, c) => x - mean[c]!)
    return { byChannel, percent: (100 * Math.abs(total(byChannel))) / Math.abs(total(mean)) }
  })
}

const total = (numbers: Float64Array): number => numbers.reduce((sum, x) => sum + x, 0)

function corrected(graph: Graph, node: Node, inputMean: Float64Array): Graph {
  const { data, shape, ...rest } = constant(graph, node.inputs[1]!)
  const quantized = toF32({ data, shape, ...rest })
  const weights = new Float32Array(quantized.length)
  const axis = node.weights[0]!.axis
  const correction = biasCorrection({ weights, quantized, shape, axis, inputMean, groups: groupsOf(node) })
  const alpha = attrFloat(node, 'alpha', 1)
  return withBias(graph, node, correction.length, (b, o) => b - alpha * correction[o]!)
}
