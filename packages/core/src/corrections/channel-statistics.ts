import { type Graph, sizeOf, type Tensor, toF32, type ValueId } from '@mixbit/graph'
import { eachSample } from '../each-sample.ts'
import type { Job } from '../job.ts'

/** What is known of a value over the samples, by channel. */
export interface ChannelStatistics {
  readonly mean: Float64Array
  readonly standardDeviation: Float64Array
  readonly min: Float64Array
  readonly max: Float64Array
}

interface Sums {
  readonly sum: Float64Array
  readonly squares: Float64Array
  readonly min: Float64Array
  readonly max: Float64Array
  count: number
}

/** Collects channel statistics tensor by tensor, each with its channels along one axis (-1: the last; null: all is one). */
export function channelObserver(axis: number | null) {
  let sums: Sums | undefined
  return {
    add(tensor: Tensor) {
      const channels = axis === null ? 1 : (tensor.shape.at(axis) ?? 1)
      const inner = axis === null ? sizeOf(tensor.shape) : axis < 0 ? 1 : sizeOf(tensor.shape.slice(axis + 1))
      sums ??= empty(channels)
      addTo(sums, toF32(tensor), channels, inner)
    },
    statistics(): ChannelStatistics {
      const { sum, squares, min, max, count } = sums ?? empty(0)
      const mean = sum.map((x) => x / count)
      return {
        mean,
        min,
        max,
        standardDeviation: squares.map((x, c) => Math.sqrt(Math.max(0, x / count - mean[c]! ** 2))),
      }
    },
  }
}

const empty = (channels: number): Sums => ({
  sum: new Float64Array(channels),
  squares: new Float64Array(channels),
  min: new Float64Array(channels).fill(Number.POSITIVE_INFINITY),
  max: new Float64Array(channels).fill(Number.NEGATIVE_INFINITY),
  count: 0,
})

function addTo(sums: Sums, data: Float32Array, channels: number, inner: number): void {
  for (let start = 0, c = 0; start < data.length; start += inner, c = (c + 1) % channels) {
    let sum = 0
    let squares = 0
    let min = sums.min[c]!
    let max = sums.max[c]!
    for (let i = start; i < start + inner; i++) {
      const x = data[i]!
      sum += x
      squares += x * x
      if (x < min) min = x
      if (x > max) max = x
    }
    sums.sum[c]! += sum
    sums.squares[c]! += squares
    sums.min[c] = min
    sums.max[c] = max
  }
  sums.count += data.length / channels
}

/** Statistics of some values of a graph over the samples; their channels lie along the axes given. */
export async function channelStatistics(
  job: Pick<Job, 'adapter' | 'samples' | 'signal' | 'onProgress'>,
  graph: Graph,
  axes: ReadonlyMap<ValueId, number | null>,
  message: string,
): Promise<Map<ValueId, ChannelStatistics>> {
  const observers = new Map([...axes].map(([id, axis]) => [id, channelObserver(axis)]))
  await eachSample(job, graph, axes.keys(), { stage: 'prepared', message }, (tensors) => {
    for (const [id, observer] of observers) observer.add(tensors.get(id)!)
  })
  return new Map([...observers].map(([id, observer]) => [id, observer.statistics()]))
}
