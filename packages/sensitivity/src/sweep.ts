import { type Adapter, withSession } from '@mixbit/adapter'
import { type Graph, MixbitError, type NodeId, type Tensor, type Tensors, type ValueId } from '@mixbit/graph'
import { type CheckpointStore, openCheckpoint, type Row } from './checkpoint.ts'
import type { Distance } from './distances.ts'
import { type InterestPoint, interestPoints } from './interest-points.ts'
import { type OutputLoss, outputLossOf } from './output-loss.ts'
import { compare, errorsId, type Part, partOf } from './part.ts'
import type { FewPoints, SensitivityTable } from './table.ts'

/** One way to quantize a layer or an activation. */
export interface SweepCandidate {
  readonly label: string
  readonly bits: number
  /** The fake-quantized values by id: weights, which are the same for every sample, or activations, made from its float values. */
  quantized(float: Tensors): ReadonlyMap<ValueId, Tensor>
}

export interface SweepLayer {
  readonly node: NodeId
  /** What the candidates replace: the weights of a node, or an activation. */
  readonly values: readonly ValueId[]
  readonly candidates: readonly SweepCandidate[]
}

export interface SweepProgress {
  readonly done: number
  readonly total: number
  readonly layer: string
  readonly remainingMs: number
}

export interface SweepOptions {
  readonly adapter: Pick<Adapter, 'compile' | 'squaredErrors'>
  /** The float graph: every layer but the one under test stays as it is here. */
  readonly graph: Graph
  readonly layers: readonly SweepLayer[]
  /** One feed per sample. */
  readonly samples: readonly Tensors[]
  readonly numInterestPointsFactor?: number
  /** Measures only what this weighting reads, which is faster; then the table serves no other. Default: everything. */
  readonly onlyFor?: FewPoints | null
  /** Replaces the distance at every point. */
  readonly computeDistanceFn?: Distance
  /** Replaces the model output losses: one number per sample, from the float outputs of both models by name. */
  readonly outputLossFn?: OutputLoss | undefined
  /** Sees the float outputs of every candidate, sample by sample; rows that come from a checkpoint are not seen. */
  readonly onOutputs?: (
    place: { row: number; candidate: number; sample: number },
    float: Tensors,
    quantized: Tensors,
  ) => void
  /**
   * Told what the first eight samples gave, says how many it takes in all; see `samplesNeeded`. Default: all of them. Samples that are
   * not needed are left out of the table.
   */
  readonly enough?: ((firstLook: SensitivityTable) => number) | undefined
  /** Bytes of float activations that are cached at once; default 256e6. More samples are taken in chunks. */
  readonly memoryLimitBytes?: number
  /** Content hash of everything that the result depends on; a checkpoint of another key is refused. Default `''`. */
  readonly key?: string
  readonly checkpoint?: CheckpointStore | undefined
  readonly onProgress?: (event: SweepProgress) => void
  readonly signal?: AbortSignal | undefined
}

/**
 * Measures every candidate of every layer with everything else float. Each layer has one session for the part of the
 * graph behind its weight, with the weight as an input: all candidates run through it, on cached float activations.
 * Points before the layer are at distance 0 and not computed.
 * @throws MixbitError `ABORTED`, `CHECKPOINT_MISMATCH`, `NO_INTEREST_POINT`, and what the adapter throws.
 */
export async function sweep(options: SweepOptions): Promise<SensitivityTable> {
  const { graph, layers, samples, key = '' } = options
  const { points, outputs } = pointsFor(graph, options)
  const parts = layers.map((layer) => partOf(options, layer, [...points, ...outputs]))
  const cached = [
    ...new Set([
      ...parts.flatMap(({ crossing, compared }) => [...crossing, ...compared.map(({ value }) => value)]),
      ...layers.flatMap(({ values }) => values.filter((id) => !graph.values.get(id)?.tensor)),
      ...(options.outputLossFn || options.onOutputs ? outputs.map(({ value }) => value) : []),
    ]),
  ]
  const size = await chunkSize(options, cached)
  const checkpoint = await openCheckpoint(options.checkpoint, key)
  const rows: Row[][] = layers.map(() => [])
  const ends = outputs.map(({ value }) => value)
  const look = options.enough ? Math.min(firstLook, samples.length) : samples.length
  let wanted = samples.length
  const chunks = () => Math.ceil(look / size) + Math.ceil((wanted - look) / size)
  const progress = reporter(options, chunks)
  const measureUpTo = async (last: number, first = 0) => {
    for (let start = first; start < last; start += size) {
      const end = Math.min(start + size, last)
      const known = layers.map((_, i) => checkpoint.rows.get(`${start}-${end}/${i}`))
      const floats = known.every(Boolean) ? [] : await floatValues(options, samples.slice(start, end), cached)
      progress('', known.filter(Boolean).length)
      for (const [i, layer] of layers.entries()) {
        rows[i]!.push(known[i] ?? (await measureLayer(options, { row: i, start, ends }, layer, parts[i]!, floats)))
        if (known[i]) continue
        await checkpoint.append(`${start}-${end}/${i}`, rows[i]!.at(-1)!)
        progress(layer.node, 1)
      }
    }
  }
  const table = (count: number) => tableOf(options, count, points, outputs, parts, rows)
  await measureUpTo(look)
  wanted = Math.max(look, Math.min(samples.length, options.enough?.(table(look)) ?? look))
  progress('', 0)
  await measureUpTo(wanted, look)
  return table(wanted)
}

/** Samples after which `enough` is asked: too few would not show how much they differ. */
const firstLook = 8

/** The points to compare at: all, or those that one weighting reads. */
function pointsFor(graph: Graph, options: SweepOptions) {
  const { points, outputs } = interestPoints(graph, options)
  const few = options.onlyFor === 'OUTPUT' && outputs.length > 0 ? [] : points.slice(-1)
  return { points: options.onlyFor ? few : points, outputs }
}

/** Bytes of tensors; strings count nothing. */
export const bytesOf = (tensors: readonly Tensor[]): number =>
  tensors.reduce((sum, { data }) => sum + ('byteLength' in data ? data.byteLength : 0), 0)

/** How many samples fit into the memory limit, from what the first one takes. */
async function chunkSize(
  { adapter, graph, samples, memoryLimitBytes = 256e6 }: SweepOptions,
  cached: readonly ValueId[],
): Promise<number> {
  const [first] = samples
  if (!first || cached.length === 0) return Math.max(1, samples.length)
  const bytes = await withSession(adapter, graph, made(graph, cached), async (session) =>
    bytesOf([...(await session.run(first)).values()]),
  )
  return Math.max(1, Math.min(samples.length, Math.floor(memoryLimitBytes / Math.max(1, bytes))))
}

const made = (graph: Graph, values: readonly ValueId[]): ValueId[] => values.filter((id) => !graph.inputs.includes(id))

/** The float values of some samples, one map per sample; graph inputs are those of the sample. */
async function floatValues(
  { adapter, graph, signal }: SweepOptions,
  samples: readonly Tensors[],
  cached: readonly ValueId[],
): Promise<Tensors[]> {
  return withSession(adapter, graph, made(graph, cached), async (session) => {
    const results: Tensors[] = []
    for (const sample of samples) {
      await breathe(signal)
      results.push(new Map([...sample, ...(await session.run(sample))]))
    }
    return results
  })
}

/** Where a layer stands, and what the model gives. */
interface Where {
  readonly row: number
  /** The first sample. */
  readonly start: number
  readonly ends: readonly ValueId[]
}

async function measureLayer(
  options: SweepOptions,
  { row: at, start, ends }: Where,
  layer: SweepLayer,
  part: Part,
  floats: readonly Tensors[],
): Promise<Row> {
  const { adapter, signal } = options
  const outputs = [
    ...part.compared.map(({ value }) => value).filter((id) => !layer.values.includes(id) && !part.summed.has(id)),
    ...(part.errors.length > 0 ? [errorsId] : []),
  ]
  if (outputs.length === 0) return layer.candidates.map(() => [])
  return withSession(adapter, part.suffix, outputs, async (session) => {
    const row: number[][][] = layer.candidates.map(() => [])
    // Weights are made once, and given up with the layer.
    const constant = layer.values.every((id) => options.graph.values.get(id)?.tensor)
    const weights = constant ? layer.candidates.map((candidate) => candidate.quantized(new Map())) : []
    // Sample by sample, so that its float values are still in the processor's cache for the next candidate.
    for (const [n, float] of floats.entries()) {
      const feeds = new Map(part.crossing.map((id): [ValueId, Tensor] => [id, float.get(id)!]))
      for (const { value, reference } of part.errors) feeds.set(reference, float.get(value)!)
      for (const [c, candidate] of layer.candidates.entries()) {
        const fed = weights[c] ?? candidate.quantized(float)
        const quantized = await session.run(new Map([...feeds, ...fed]))
        const given = new Map([...fed, ...quantized])
        row[c]!.push(compare(options, part, float, given))
        if (options.outputLossFn || options.onOutputs) {
          const [before, after] = [float, given].map(
            (from) => new Map(ends.map((id) => [id, (from.get(id) ?? float.get(id))!])),
          )
          if (options.outputLossFn) row[c]!.at(-1)!.push(outputLossOf(options.outputLossFn, before!, after!))
          options.onOutputs?.({ row: at, candidate: c, sample: start + n }, before!, after!)
        }
      }
      await breathe(signal)
    }
    return row
  })
}

/** Rows of all chunks as one table; what a layer does not reach is at distance 0. */
function tableOf(
  { layers, key = '', onlyFor = null, outputLossFn }: SweepOptions,
  samples: number,
  points: readonly InterestPoint[],
  outputs: readonly InterestPoint[],
  parts: readonly Part[],
  rows: readonly Row[][],
): SensitivityTable {
  return {
    key,
    onlyFor,
    samples,
    points,
    outputs,
    layers: layers.map(({ node, candidates }, i) => {
      const { compared } = parts[i]!
      const reached = compared.filter(({ loss }) => loss !== undefined)
      return {
        node,
        candidates: candidates.map(({ label, bits }, c) => {
          const samplesOf = rows[i]!.flatMap((row) => row[c] ?? [])
          const column = (at: number) =>
            at < 0 ? new Array<number>(samples).fill(0) : samplesOf.map((sample) => sample[at]!)
          return {
            label,
            bits,
            points: points.map((point) => column(compared.indexOf(point))),
            outputs: outputs.map((point) => column(compared.indexOf(point))),
            // A loss of the user's is that of the whole model, and stands behind the others.
            losses: outputs.map((point) =>
              outputLossFn
                ? column(reached.length > 0 ? compared.length + reached.length : -1)
                : column(reached.includes(point) ? compared.length + reached.indexOf(point) : -1),
            ),
          }
        }),
      }
    }),
  }
}

/** Lets timers and signals have their turn, a few times a second: the runtimes block the event loop while they run. */
let lastBreath = 0
export async function breathe(signal: AbortSignal | undefined): Promise<void> {
  if (performance.now() - lastBreath > 50) {
    await new Promise((resolve) => setTimeout(resolve, 0))
    lastBreath = performance.now()
  }
  if (signal?.aborted)
    throw new MixbitError('ABORTED', 'The sweep was cancelled.', {
      hint: 'With a checkpoint, the same call goes on where it stopped.',
      cause: signal.reason,
    })
}

/** Tells what is done of the layers of all chunks, of which there may be fewer after the first look. */
function reporter({ layers, onProgress }: SweepOptions, chunks: () => number) {
  const start = performance.now()
  let done = 0
  return (layer: string, more: number) => {
    done += more
    const total = layers.length * chunks()
    onProgress?.({
      done,
      total,
      layer,
      remainingMs: done === 0 ? 0 : ((performance.now() - start) / done) * (total - done),
    })
  }
}
