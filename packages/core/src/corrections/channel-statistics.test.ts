import { f32 } from '@mixbit/graph'
import { expect, test } from 'vitest'
import { channelObserver } from './channel-statistics.ts'

const tensors = [1, 2].map((seed) =>
  f32(
    Array.from({ length: 24 }, (_, i) => Math.sin(i * seed) + (i % 5)),
    [2, 3, 4],
  ),
)

test.each([
  ['in the middle', 1, (i: number) => Math.floor(i / 4) % 3],
  ['last', -1, (i: number) => i % 4],
  ['first', 0, (i: number) => Math.floor(i / 12)],
  ['all one', null, () => 0],
])('mean, deviation, min and max of every channel, with the channels %s', (_, axis, channelOf) => {
  const observer = channelObserver(axis)
  for (const tensor of tensors) observer.add(tensor)
  const { mean, standardDeviation, min, max } = observer.statistics()
  for (const [c, m] of mean.entries()) {
    const own = tensors.flatMap(({ data }) => Array.from(data as Float32Array).filter((_, i) => channelOf(i) === c))
    expect(m).toBeCloseTo(own.reduce((a, b) => a + b) / own.length, 10)
    expect(standardDeviation[c]).toBeCloseTo(Math.sqrt(own.reduce((s, x) => s + (x - m) ** 2, 0) / own.length), 8)
    expect([min[c], max[c]]).toEqual([Math.min(...own), Math.max(...own)])
  }
  expect(mean).toHaveLength(axis === null ? 1 : [2, 3, 4].at(axis)!)
})
