import { type Seeded, withSession } from '@mixbit/adapter'
import {
  f32,
  type Graph,
  type NodeId,
  originOf,
  producers,
  sizeOf,
  type Tensor,
  type Tensors,
  toF32,
  type ValueId,
} from '@mixbit/graph'
import { canCouple } from '@mixbit/quantizers'
import { interestPoints } from '@mixbit/sensitivity'
import type { Assignment } from '../apply.ts'
import type { Job } from '../job.ts'
import { breathe, checkAborted } from '../progress.ts'
import { allFinite } from '../samples.ts'
import { type LayerRows, layerRows } from './layer-rows.ts'
import { momentsObserver, seedOf } from './moments.ts'

/**
 * How much errors of two output channels of a layer count together for the outputs of the model, [channels, channels], with ones on
 * the diagonal on average. By layer, for those whose gradients are known.
 */
export type Couplings = ReadonlyMap<NodeId, Float32Array>

/** Samples whose gradients are looked at, at most. */
const mostSamples = 256

/** Share of the mean diagonal that is added to the diagonal: gradients are those of a few samples, at the float weights. */
const damping = 1

/** The widest weights that are coupled: at 8 bits ppocr_cls lost 4 dB by it. */
const mostCoupledBits = 4

/** Whether layers are to be coupled, if their gradients are known; by default only where there are samples enough to learn from. */
function couples({ adapter, samples, config: { quantizationConfig } }: Job): boolean {
  const { weightsChannelCoupling: coupling, weightsRounding } = quantizationConfig
  const wanted = coupling === 'measured' ? samples.length >= mostSamples : coupling
  return wanted && weightsRounding === 'errorCompensating' && adapter.gradients !== undefined
}

/** What is to be said of couplings that were asked for, and of what came of it (`couples`). */
export function couplingWarnings(
  { adapter, samples, config: { quantizationConfig } }: Job,
  { couples }: { readonly couples: boolean },
): string[] {
  if (quantizationConfig.weightsChannelCoupling !== true) return []
  const nothing = (why: string) => [`weightsChannelCoupling does nothing: ${why}.`]
  if (quantizationConfig.weightsRounding === 'nearest') return nothing('weights are rounded to the nearest')
  if (!adapter.gradients) return nothing(`the adapter ${adapter.name} gives no gradients`)
  if (!couples) return nothing('no layer of up to 4 bits has a known gradient of the outputs')
  return samples.length < mostSamples
    ? [
        `weightsChannelCoupling has ${samples.length} samples: with fewer than ${mostSamples} it may do more harm than good.`,
      ]
    : []
}

/** The couplings of a graph that were measured last: all choices of a job have the same. */
const known = new WeakMap<Graph, { readonly samples: Job['samples']; readonly couplings: Couplings }>()

/** The couplings of the layers that a choice gives few bits; measured once per job. */
export async function couplingsOf(job: Job, weights: Assignment['weights']): Promise<Couplings> {
  const few = new Set(job.layers.filter((_, i) => weights[i]!.bits <= mostCoupledBits).map(({ node }) => node))
  if (few.size === 0 || !couples(job)) return new Map()
  const last = known.get(job.prepared)
  const couplings = last?.samples === job.samples ? last.couplings : await measureCouplings(job)
  known.set(job.prepared, { samples: job.samples, couplings })
  return new Map([...couplings].filter(([node]) => few.has(node)))
}

/** A layer that may be coupled: all its channels have the same inputs. */
interface CoupledLayer {
  readonly node: NodeId
  readonly value: ValueId
  readonly rows: LayerRows
}

/**
 * E g g^T over samples and positions, g the gradient by the channels of a layer's output there of the model's outputs times random signs:
 * for uncorrelated errors e of the channels, e^T E[g g^T] e is the expected squared error at the outputs. Empty for adapters that give no
 * gradients, and for probabilities whose logits are not known.
 */
export async function measureCouplings(job: Job): Promise<Couplings> {
  const { adapter, prepared: graph, signal, onProgress } = job
  const layers = coupledLayers(job)
  const ends = endsOf(graph)
  // A session of gradients is for samples of one shape.
  const samples = job.samples.filter((sample) => shapesIn(sample) === shapesIn(job.samples[0]!)).slice(0, mostSamples)
  if (!adapter.gradients || layers.length === 0 || ends.length === 0 || samples.length === 0) return new Map()
  const shapes = await shapesOf(job, ends, samples[0]!)
  if (!shapes) return new Map()
  const of = ends.map(({ value }, i): Seeded => ({ value, seed: `seed ${i}` }))
  const values = layers.map(({ value }) => value)
  const observers = layers.map(({ rows }) => momentsObserver(gradientRows(rows), samples.length, 0))
  const seen = new Set<ValueId>()
  const session = await adapter.gradients(graph, of, values, samples[0]!)
  try {
    for (const [n, sample] of samples.entries()) {
      checkAborted(signal)
      const seed = seedOf(sample)
      const gradients = await session.run(new Map([...sample, ...seedsOf(of, ends, shapes, seed)]))
      for (const [i, { value }] of layers.entries()) {
        const gradient = gradients.get(value)
        if (!gradient) continue
        seen.add(value)
        observers[i]!.add(gradient, gradient.shape, seed)
      }
      onProgress?.({ stage: 'quantized', done: n + 1, total: samples.length, message: 'gradients' })
      await breathe()
    }
  } finally {
    await session.dispose()
  }
  return new Map(
    layers.flatMap(({ node, value, rows }, i) => {
      const [moments] = (seen.has(value) ? observers[i]!.moments() : null) ?? []
      const coupling = moments && couplingOf(moments.gram, rows.outputs)
      return coupling ? [[node, coupling] as const] : []
    }),
  )
}

function coupledLayers({ prepared: graph, layers }: Job): CoupledLayer[] {
  const compensated = new Set(
    layers.flatMap(({ node, sharedWith, candidates }) =>
      sharedWith.length === 0 &&
      candidates.some(({ scheme, bits }) => bits <= mostCoupledBits && scheme !== undefined && scheme !== 'uniform')
        ? [node]
        : [],
    ),
  )
  return graph.nodes.flatMap((node): CoupledLayer[] => {
    // With an activation inside, or gates, what comes out is not the matrix product.
    const isProduct = compensated.has(node.id) && !node.attrs.activation && !node.recurrence
    const rows = isProduct ? layerRows(graph, node) : null
    const fits = rows && rows.groups === 1 && !rows.oneHot && canCouple(rows.outputs, rows.inputs)
    return fits ? [{ node: node.id, value: node.outputs[0]!, rows }] : []
  })
}

/** What the gradients are those of. */
interface End {
  readonly value: ValueId
  /** Softmax over the last axis forgives what all elements along it have in common. */
  readonly isLogits: boolean
}

/** The outputs of the model, where they are probabilities the logits that these come from. */
function endsOf(graph: Graph): End[] {
  const makers = producers(graph)
  const ends = new Map<ValueId, End>()
  for (const { value, loss } of interestPoints(graph).outputs) {
    const node = originOf(makers, value)
    const end = node?.kind === 'softmax' || node?.kind === 'sigmoid' ? node.inputs[0]! : value
    if (graph.values.get(end)?.dtype === 'f32' && makers.has(end)) ends.set(end, { value: end, isLogits: loss != null })
  }
  return [...ends.values()]
}

const shapesIn = (sample: Tensors): string => [...sample].map(([id, { shape }]) => `${id}: ${shape}`).join('; ')

/**
 * The shapes of the ends for a sample; null where one of them gives probabilities all the same. Their gradients are those of the few
 * samples that the model is unsure of: with them magika lost a point of agreement.
 */
async function shapesOf({ adapter, prepared }: Job, ends: readonly End[], sample: Tensors) {
  const values = ends.map(({ value }) => value)
  const found = await withSession(adapter, prepared, values, (session) => session.run(sample))
  const tensors = values.map((id) => found.get(id)!)
  return tensors.some(areProbabilities) ? null : tensors.map(({ shape }) => shape)
}

function areProbabilities(tensor: Tensor): boolean {
  const data = toF32(tensor)
  const width = tensor.shape.findLast((n) => n !== 1) ?? 1
  for (let at = 0; at < data.length; at += width) {
    const row = data.subarray(at, at + width)
    if (!row.every((x) => x >= 0) || Math.abs(row.reduce((a, b) => a + b, 0) - 1) > 1e-3) return false
  }
  return width > 1
}

/** Random signs for every output; for logits less their mean over the last axis. */
function seedsOf(
  of: readonly Seeded[],
  ends: readonly End[],
  shapes: readonly (readonly number[])[],
  seed: number,
): [ValueId, Tensor][] {
  let state = seed >>> 0
  const sign = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state >>> 31 ? 1 : -1
  }
  return of.map(({ seed: id }, i) => {
    const shape = shapes[i]!
    const width = shape.at(-1) ?? 1
    const data = Float32Array.from({ length: sizeOf(shape) }, sign)
    if (ends[i]!.isLogits && width > 1)
      for (let at = 0; at < data.length; at += width) {
        const row = data.subarray(at, at + width)
        const mean = row.reduce((a, b) => a + b, 0) / width
        for (let j = 0; j < width; j++) row[j]! -= mean
      }
    return [id, f32(data, shape)]
  })
}

/** The gradients of a layer's output as the inputs of another one. */
const gradientRows = (rows: LayerRows): LayerRows => ({
  groups: 1,
  outputs: 0,
  inputs: rows.outputs,
  weightIndex: () => 0,
  positions: rows.positions,
  gather(x, { output, position }, to, at) {
    for (let row = 0; row < rows.outputs; row++) to[at + row] = x[rows.outputIndex(output, 0, row, position)]!
  },
  outputIndex: () => 0,
})

/** The damped matrix, [channels, channels]; null where it is zero or not finite. */
function couplingOf(gram: Float32Array, channels: number): Float32Array | null {
  const width = Math.sqrt(gram.length)
  let mean = 0
  for (let i = 0; i < channels; i++) mean += gram[i * width + i]! / channels
  if (!(mean > 0) || !allFinite(gram)) return null
  return Float32Array.from({ length: channels ** 2 }, (_, at) => {
    const [i, j] = [Math.floor(at / channels), at % channels]
    return (gram[i * width + j]! / mean + (i === j ? damping : 0)) / (1 + damping)
  })
}
