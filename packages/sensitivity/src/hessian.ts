import { type Adapter, withSession } from '@mixbit/adapter'
import { cut, f32, type Graph, MixbitError, type Tensors, toF32, type ValueId } from '@mixbit/graph'
import type { InterestPoint } from './interest-points.ts'
import { breathe, bytesOf } from './sweep.ts'

export interface HessianOptions {
  readonly adapter: Pick<Adapter, 'compile'>
  readonly graph: Graph
  /** Where to measure: the `points` of `interestPoints` or of a table. f32 values. */
  readonly points: readonly InterestPoint[]
  /** One feed per sample; the score is the mean over them. */
  readonly samples: readonly Tensors[]
  /** Stops at a point once its standard error is at most this share of its score. Default 0.05. */
  readonly tolerance?: number
  /** Most random directions per point and sample. Default 100. */
  readonly mostDirections?: number
  /** Seed of the directions. Default 0. */
  readonly seed?: number
  /** Bytes of float activations that are cached at once, by taking the points in groups; default 256e6. */
  readonly memoryLimitBytes?: number
  readonly onProgress?: (event: { done: number; total: number }) => void
  readonly signal?: AbortSignal | undefined
}

/** A spread over fewer runs than this says little. */
const leastRuns = 64

/** Score of one point. */
export interface HessianScore {
  readonly score: number
  /** Of the score, from the spread over directions. */
  readonly standardError: number
  /** Directions per sample that it took. */
  readonly directions: number
}

/**
 * Trace of J^T J at each interest point a, for J = dy/da and y all float outputs: the scores of MCT's HESSIAN, which takes
 * E |d(v.y)/da|^2 by back-propagation. Without it: trace(J^T J) = E |J u|^2 for random signs u, and J u is
 * (f(a + e u) - f(a)) / e through the suffix of the graph, with e a thousandth of the root mean square of a.
 * @throws MixbitError `NO_INTEREST_POINT` when the graph has no f32 output, `ABORTED`, and what the adapter throws.
 */
export async function hessianScores(options: HessianOptions): Promise<HessianScore[]> {
  const { graph, points, onProgress } = options
  const outputs = graph.outputs.filter((id) => graph.values.get(id)?.dtype === 'f32')
  if (outputs.length === 0)
    throw new MixbitError(
      'NO_INTEREST_POINT',
      'The model has no f32 output, so nothing depends on an interest point.',
      {
        hint: 'Take another distance weighting.',
      },
    )
  const parts = points.map(({ value }) => cut(graph, [value]))
  const scores: HessianScore[] = []
  for (const group of await groups(options, parts)) {
    const needed = [...new Set([...outputs, ...group.flatMap((i) => parts[i]!.crossing)])]
    const floats = await floatValues(options, needed)
    for (const i of group) {
      scores[i] = await scoreOf(options, points[i]!.value, i, parts[i]!.suffix, floats)
      onProgress?.({ done: scores.filter(Boolean).length, total: points.length })
    }
  }
  return scores
}

/** Points whose cached values fit into memory together, in order. */
async function groups(
  options: HessianOptions,
  parts: readonly { crossing: readonly ValueId[] }[],
): Promise<number[][]> {
  const { samples, memoryLimitBytes = 256e6 } = options
  const all = [...new Set(parts.flatMap(({ crossing }) => crossing))]
  const [first] = await floatValues({ ...options, samples: samples.slice(0, 1) }, all)
  const bytes = (id: ValueId) => bytesOf([first!.get(id)!]) * samples.length
  const result: number[][] = []
  let held = new Set<ValueId>()
  for (const [i, { crossing }] of parts.entries()) {
    const together = new Set([...held, ...crossing])
    const fits = [...together].reduce((sum, id) => sum + bytes(id), 0) <= memoryLimitBytes
    if (result.length > 0 && fits) result.at(-1)!.push(i)
    else result.push([i])
    held = fits ? together : new Set(crossing)
  }
  return result
}

async function floatValues({ adapter, graph, samples, signal }: HessianOptions, wanted: readonly ValueId[]) {
  const made = wanted.filter((id) => !graph.inputs.includes(id))
  return withSession(adapter, graph, made, async (session) => {
    const values: Tensors[] = []
    for (const sample of samples) {
      await breathe(signal)
      values.push(new Map([...sample, ...(made.length > 0 ? await session.run(sample) : [])]))
    }
    return values
  })
}

async function scoreOf(
  { adapter, graph, tolerance = 0.05, mostDirections = 100, seed = 0, signal }: HessianOptions,
  value: ValueId,
  index: number,
  suffix: Graph,
  floats: readonly Tensors[],
): Promise<HessianScore> {
  const outputs = suffix.outputs.filter((id) => graph.values.get(id)?.dtype === 'f32')
  if (outputs.length === 0) return { score: 0, standardError: 0, directions: 0 }
  const signs = randomSigns(seed * 1_000_003 + index + 1)
  return withSession(adapter, suffix, outputs, async (session) => {
    const inputs = floats.map((float) => new Map(suffix.inputs.map((id) => [id, float.get(id)!] as const)))
    const [sum, squares] = [new Float64Array(floats.length), new Float64Array(floats.length)]
    for (let n = 1; ; n++) {
      for (const [s, float] of floats.entries()) {
        const tensor = float.get(value)!
        const a = toF32(tensor)
        const step = stepOf(a)
        inputs[s]!.set(value, f32(moved(a, step, signs), tensor.shape))
        const results = await session.run(inputs[s]!)
        const trace =
          outputs.reduce((t, id) => t + change(toF32(float.get(id)!), toF32(results.get(id)!)), 0) / step ** 2
        sum[s]! += trace
        squares[s]! += trace * trace
        await breathe(signal)
      }
      // Spread over directions within each sample: the samples themselves are given, not drawn.
      const score = mean(sum) / n
      const variance = mean(squares.map((q, s) => Math.max(0, q / n - (sum[s]! / n) ** 2)))
      const standardError = n < 2 ? Number.POSITIVE_INFINITY : Math.sqrt(variance / (n - 1) / floats.length)
      const enough = n * floats.length >= leastRuns && standardError <= tolerance * score
      if (n >= 2 && (enough || n >= mostDirections)) return { score, standardError, directions: n }
    }
  })
}

const mean = (values: Float64Array): number => values.reduce((sum, x) => sum + x, 0) / values.length

function stepOf(a: Float32Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * a[i]!
  return 1e-3 * (Math.sqrt(sum / Math.max(1, a.length)) || 1)
}

function moved(a: Float32Array, step: number, signs: () => number): Float32Array {
  const result = new Float32Array(a.length)
  let bits = 0
  for (let i = 0; i < a.length; i++) {
    if (i % 32 === 0) bits = signs()
    result[i] = a[i]! + ((bits >>> (i % 32)) & 1 ? step : -step)
  }
  return result
}

function change(before: Float32Array, after: Float32Array): number {
  let sum = 0
  for (let i = 0; i < before.length; i++) sum += (after[i]! - before[i]!) ** 2
  return sum
}

/** 32 random bits at a time (mulberry32), seeded. */
function randomSigns(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (t ^ (t >>> 14)) >>> 0
  }
}
