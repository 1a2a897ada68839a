import {
  canShift,
  type Graph,
  type Node,
  type NodeId,
  producers,
  shiftActivation,
  toF32,
  type ValueId,
} from '@mixbit/graph'
import { type Histogram, histogramObserver, toHistogram } from '@mixbit/quantizers'
import { activationWidths } from '../activation-widths.ts'
import type { ActivationGroup } from '../activations.ts'
import { eachSample } from '../each-sample.ts'
import { filtered, gridOf } from '../observe.ts'
import type { ActivationsConfig } from '../target-platform.ts'
import type { Change, Correction, FloatJob } from './correct-float.ts'
import { negativeShift, searchShift } from './negative-shift.ts'

/** An activation that was shifted to above zero. */
export interface NegativeShift {
  /** The node that shifts: it runs as one with what makes the activation, which has no quantizer of its own. */
  readonly add: NodeId
  readonly shift: number
  /** The candidates that the activation had, for what is shifted. */
  readonly activations: ActivationsConfig
  /** The threshold that the activation had at these bits; what is shifted keeps it, unless it is searched anew. */
  readonly threshold: number
  readonly bits: number
}

/**
 * Shift negative correction: an activation (SiLU, GELU, HardSwish ...) that goes a little below zero, and that only linear
 * layers read, wastes half of a symmetric grid on that little. It is shifted to above zero, so that the grid needs no sign,
 * and the biases behind take the shift back. Source: HPTQ (2109.09113), MCT.
 */
export const shiftNegatives: Correction = async (job, groups): Promise<Change> => {
  const negative = groups.filter((group) => mayShift(job.prepared, group))
  const histograms = await histogramsOf(
    job,
    negative.map(({ value }) => value),
  )
  const widthsOf = activationWidths(job)
  let graph = job.prepared
  const shifts: NegativeShift[] = []
  const nodes: NodeId[] = []
  for (const { value, values, config } of negative) {
    const { base: bits } = widthsOf(values, config)
    const found = shiftFor(job, histograms.get(value)!, config, bits)
    const shifted = found && shiftActivation(graph, value, found.shift)
    if (!shifted) continue
    graph = shifted.graph
    shifts.push({ ...found, add: shifted.add, activations: config, bits })
    nodes.push(producers(graph).get(value)!.id)
  }
  return { graph, nodes, shifts }
}

/** Made by something nonlinear, on a grid that could do without a sign, and read by linear layers alone. */
function mayShift(graph: Graph, { value, config: { scheme, signedness } }: ActivationGroup): boolean {
  const maker = producers(graph).get(value)
  const fits = scheme !== 'uniform' && signedness !== 'signed' && maker !== undefined && isNonlinear(maker)
  return fits && (maker.bounds?.[0] ?? -1) < 0 && canShift(graph, value)
}

const isNonlinear = ({ kind, op }: Node): boolean =>
  kind === 'activation' || kind === 'mul' || kind === 'elementwise' || /gelu|swish|silu/i.test(op)

function shiftFor({ config }: FloatJob, histogram: Histogram, activations: ActivationsConfig, bits: number) {
  const { shiftNegativeRatio: ratio, shiftNegativeParamsSearch } = config.quantizationConfig
  const grid = gridOf(histogram, bits, { ...activations, signedness: 'signed' }, undefined, config)
  const threshold = grid.scale[0]! * 2 ** (bits - 1)
  const shift = negativeShift({ min: histogram.min!, threshold, bits, ratio })
  if (shift === null) return null
  return shiftNegativeParamsSearch
    ? searchShift(filtered(histogram, config), { min: histogram.min!, threshold, bits })
    : { shift, threshold }
}

async function histogramsOf(job: FloatJob, values: readonly ValueId[]): Promise<Map<ValueId, Histogram>> {
  const observer = histogramObserver()
  const states = new Map(values.map((id) => [id, observer.empty]))
  await eachSample(job, job.prepared, values, { stage: 'prepared', message: 'negative activations' }, (tensors) => {
    for (const id of values) states.set(id, observer.observe(states.get(id)!, toF32(tensors.get(id)!)))
  })
  return new Map([...states].map(([id, state]) => [id, toHistogram(state)]))
}
