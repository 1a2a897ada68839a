import { type Tensor, type Tensors, toF32 } from '@mixbit/graph'
import { type InterestPoint, interestPoints, nmseNorm, sweep } from '@mixbit/sensitivity'
import type { Job } from '../job.ts'
import { type Measurand, sweepOptions } from '../measure.ts'
import { type Change, changed, type SearchSpace, singleChanges } from './search-space.ts'

/**
 * Products of the changes that candidates make at the outputs, in the metric of the output loss: the predicted loss of an assignment
 * is half the squared length of the sum of its changes (Gauss-Newton). Every change has the length that its own measured loss says.
 */
export interface Interactions {
  /** Where the candidates of each row begin, and their number at the end. */
  readonly starts: readonly number[]
  /** [candidates, candidates], all rows one behind the other. */
  readonly products: Float64Array
}

/**
 * Measures them in one more sweep over the outputs. More numbers than `memoryLimit` holds are projected to fewer by random
 * signs, the same on every run (a count sketch, Charikar et al. 2002).
 */
export async function measureInteractions(job: Job, measurand: Measurand): Promise<Interactions> {
  const { config, prepared } = job
  const { checkpoint: _, ...options } = await sweepOptions(job, measurand)
  const counts = options.layers.map(({ candidates }) => candidates.length)
  const starts = startsOf(counts)
  const size = starts.at(-1)!
  const { outputs } = interestPoints(prepared)
  const most = Math.max(64, Math.min(config.mixedPrecisionConfig.memoryLimit / (4 * size), mostWork / size ** 2))
  // A candidate that reaches no output has none.
  const sketches: (Float32Array | undefined)[] = new Array(size).fill(undefined)
  const table = await sweep({
    ...options,
    computeDistanceFn: undefined,
    outputLossFn: undefined,
    onlyFor: 'OUTPUT',
    onOutputs: ({ row, candidate, sample }, float, quantized) => {
      const change = changeAt(outputs, float, quantized, options.samples.length)
      const all = change.length * options.samples.length
      const at = starts[row]! + candidate
      sketches[at] ??= new Float32Array(Math.floor(Math.min(most, all)))
      addTo(sketches[at]!, change, sample * change.length, all <= most)
    },
  })
  const losses = table.layers.flatMap(({ candidates }) =>
    candidates.map(({ losses }) => mean(losses.map((samples) => mean(samples)))),
  )
  return { starts, products: scaledProducts(sketches, losses) }
}

/** Sums of the counts before each one, and of all. */
function startsOf(counts: readonly number[]): number[] {
  const starts = [0]
  for (const count of counts) starts.push(starts.at(-1)! + count)
  return starts
}

const mean = (list: readonly number[]): number => list.reduce((sum, x) => sum + x, 0) / Math.max(1, list.length)

/** Multiplications that the products may take. */
const mostWork = 8e9

/** Adds numbers from place `first` on to a sketch: each as it is where all of them fit, else with a random sign to a random place. */
function addTo(sketch: Float32Array, numbers: Float32Array, first: number, exact: boolean): void {
  const { length } = sketch
  for (let i = 0; i < numbers.length; i++) {
    const place = first + i
    if (exact) sketch[place]! += numbers[i]!
    else {
      const hash = hashOf(place)
      sketch[(hash >>> 1) % length]! += hash & 1 ? numbers[i]! : -numbers[i]!
    }
  }
}

/** 32 well mixed bits of an index (the finalizer of MurmurHash3). */
function hashOf(index: number): number {
  let h = (index + 0x9e3779b9) | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** Products of all pairs, each change scaled so that half its squared length is its measured loss. */
function scaledProducts(sketches: readonly (Float32Array | undefined)[], losses: readonly number[]): Float64Array {
  const size = sketches.length
  const products = new Float64Array(size * size)
  for (let i = 0; i < size; i++)
    for (let j = 0; j <= i; j++) products[i * size + j] = products[j * size + i] = dot(sketches[i], sketches[j])
  const scale = losses.map((loss, i) => {
    const squared = products[i * size + i]!
    return squared > 0 && Number.isFinite(loss) ? Math.sqrt((2 * Math.max(0, loss)) / squared) : 0
  })
  return products.map((product, at) => product * scale[Math.floor(at / size)]! * scale[at % size]!)
}

function dot(a?: Float32Array, b?: Float32Array): number {
  let sum = 0
  for (let i = 0; a && b && i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

/** The changes of all outputs at one sample, one behind the other, whose half squared length is their mean loss to second order. */
function changeAt(
  outputs: readonly InterestPoint[],
  float: Tensors,
  quantized: Tensors,
  samples: number,
): Float32Array {
  const parts = outputs.map((point) =>
    metricOf(point)(float.get(point.value)!, toF32(quantized.get(point.value)!), point.axis),
  )
  const share = 1 / Math.sqrt(outputs.length * samples)
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    for (let i = 0; i < part.length; i++) all[at + i] = share * part[i]!
    at += part.length
  }
  return all
}

/** A change of an output, in coordinates in which the second order of its loss is half the squared length. */
type Metric = (float: Tensor, quantized: Float32Array, axis?: number) => Float32Array

const metricOf = ({ loss, distance }: InterestPoint): Metric => metrics[loss ?? distance]

const metrics: Readonly<Record<InterestPoint['distance'], Metric>> = {
  nmse(float, quantized) {
    const f = toF32(float)
    const scale = Math.sqrt(2 / nmseNorm(f))
    return f.map((x, i) => scale * (quantized[i]! - x))
  },
  cosine(float, quantized) {
    const f = toF32(float)
    let [along, squares] = [0, 0]
    for (let i = 0; i < f.length; i++) {
      along += f[i]! * quantized[i]!
      squares += f[i]! * f[i]!
    }
    if (squares === 0) return new Float32Array(f.length)
    return f.map((x, i) => (quantized[i]! - (along / squares) * x) / Math.sqrt(2 * squares))
  },
  kl(float, quantized, axis = -1) {
    const f = toF32(float)
    const positions = f.length / Math.max(1, float.shape.at(axis) ?? 1)
    return f.map((p, i) => (p > 0 ? (quantized[i]! - p) / Math.sqrt(p * positions) : 0))
  },
  klLogits(float, quantized) {
    const f = toF32(float)
    const width = float.shape.at(-1) ?? 1
    const rows = f.length / width
    const change = new Float32Array(f.length)
    for (let start = 0; start < f.length; start += width) {
      const logits = f.subarray(start, start + width)
      const top = logits.reduce((a, b) => Math.max(a, b))
      const total = logits.reduce((sum, x) => sum + Math.exp(x - top), 0)
      const p = Float64Array.from(logits, (x) => Math.exp(x - top) / total)
      const middle = p.reduce((sum, share, i) => sum + share * (quantized[start + i]! - logits[i]!), 0)
      for (let i = 0; i < width; i++)
        change[start + i] = Math.sqrt(p[i]! / rows) * (quantized[start + i]! - logits[i]! - middle)
    }
    return change
  },
}

/** Only some rows of interactions. */
export function keepRows({ starts, products }: Interactions, rows: readonly number[]): Interactions {
  const size = starts.at(-1)!
  const kept = rows.flatMap((row) =>
    Array.from({ length: starts[row + 1]! - starts[row]! }, (_, c) => starts[row]! + c),
  )
  return {
    starts: startsOf(rows.map((row) => starts[row + 1]! - starts[row]!)),
    products: Float64Array.from(kept.flatMap((i) => kept.map((j) => products[i * size + j]!))),
  }
}

/** The predicted model output loss of a choice. Rows that are pinned outside of their candidates do not count. */
export function predictedLoss({ starts, products }: Interactions, choice: readonly number[]): number {
  const size = starts.at(-1)!
  const chosen = choice.flatMap((c, row) => (c < 0 ? [] : [starts[row]! + c]))
  return chosen.reduce((sum, i) => sum + chosen.reduce((part, j) => part + products[i * size + j]!, 0), 0) / 2
}

/** The losses of candidates alone, row by row: what a search without interactions sums. */
export const ownLosses = ({ starts, products }: Interactions): number[][] =>
  starts
    .slice(1)
    .map((end, row) =>
      Array.from({ length: end - starts[row]! }, (_, c) => products[(starts[row]! + c) * (starts.at(-1)! + 1)]! / 2),
    )

/** Changes of one or two rows with the change of the predicted loss, the best first. */
export function rankedChanges(
  interactions: Interactions,
  space: SearchSpace,
  choice: readonly number[],
): { changes: readonly Change[]; delta: number }[] {
  const { starts, products } = interactions
  const size = starts.at(-1)!
  const chosen = choice.flatMap((c, row) => (c < 0 ? [] : [starts[row]! + c]))
  const along = Float64Array.from({ length: size }, (_, x) =>
    chosen.reduce((sum, j) => sum + products[x * size + j]!, 0),
  )
  const q = (i: number, j: number) => products[i * size + j]!
  const singles = singleChanges(space, choice).map((change) => {
    const [from, to] = [starts[change.row]! + choice[change.row]!, starts[change.row]! + change.to]
    return { change, from, to, delta: (q(to, to) + q(from, from)) / 2 - q(to, from) + along[to]! - along[from]! }
  })
  const ranked = singles.map(({ change, delta }): { changes: readonly Change[]; delta: number } => ({
    changes: [change],
    delta,
  }))
  for (const [i, a] of singles.entries())
    for (const b of singles.slice(i + 1)) {
      if (a.change.row === b.change.row) continue
      const cross = q(a.to, b.to) - q(a.to, b.from) - q(a.from, b.to) + q(a.from, b.from)
      ranked.push({ changes: [a.change, b.change], delta: a.delta + b.delta + cross })
    }
  return ranked.sort((a, b) => a.delta - b.delta)
}

/** Most steps of the descent. */
const mostSteps = 200

/** From a choice to one that no change of one or two rows within the budget improves. Deterministic. */
export function descend(interactions: Interactions, space: SearchSpace, start: readonly number[]): readonly number[] {
  let choice = start
  const least = 1e-9 * Math.max(1e-12, predictedLoss(interactions, start))
  for (let step = 0; step < mostSteps; step++) {
    const better = rankedChanges(interactions, space, choice).filter(({ delta }) => delta < -least)
    const next = better.find(({ changes }) => space.fits(changed(choice, changes)))
    if (!next) return choice
    choice = changed(choice, next.changes)
  }
  return choice
}
