import type { Entry } from './events.ts'
import { type Histogram, histogramOf } from './histogram.ts'

/** A histogram with its least, greatest and mean value. */
export const statisticsEntries = (tag: string, histogram: Histogram): Entry[] => [
  { tag, histogram },
  ...scalars(tag, histogram, 0),
]

const scalars = (tag: string, { min, max, mean }: Histogram, step: number): Entry[] =>
  Object.entries({ min, max, mean }).map(([name, scalar]) => ({ tag: `${tag}/${name}`, step, scalar }))

/**
 * The histogram of a tensor, and least, greatest and mean value of every channel along `axis`: the step is the channel.
 * `data` is row-major and holds as many numbers as `shape` says.
 */
export function channelEntries(tag: string, data: ArrayLike<number>, shape: readonly number[], axis: number): Entry[] {
  const channels = shape[axis] ?? 1
  const inner = shape.slice(axis + 1).reduce((product, n) => product * n, 1)
  const each = Array.from({ length: channels }, () => [] as number[])
  for (let i = 0; i < data.length; i++) each[Math.floor(i / inner) % channels]!.push(data[i]!)
  return [
    { tag, histogram: histogramOf(data) },
    ...each.flatMap((numbers, channel) => scalars(tag, histogramOf(numbers), channel)),
  ]
}
