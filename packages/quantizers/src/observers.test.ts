import fc from 'fast-check'
import { expect, test } from 'vitest'
import { histogramObserver, toHistogram } from './histogram-observer.ts'
import { minMaxObserver } from './min-max-observer.ts'
import { movingMeanObserver } from './moving-mean-observer.ts'
import { normal } from './random.fixture.ts'

const batch = fc.array(fc.float({ min: -1e6, max: 1e6, noNaN: true }), { maxLength: 30 })
const batches = fc.array(
  batch.map((x) => Float32Array.from(x)),
  { minLength: 1, maxLength: 6 },
)
const join = (list: readonly Float32Array[]) => Float32Array.from(list.flatMap((x) => [...x]))

test('the histogram is the same for one batch, many batches, any order and merged halves', () => {
  const { empty, observe, merge } = histogramObserver({ bins: 32 })
  fc.assert(
    fc.property(batches, (list) => {
      const once = observe(empty, join(list))
      const inTurn = list.reduce((s, x) => observe(s, x), empty)
      const backwards = list.toReversed().reduce((s, x) => observe(s, x), empty)
      const merged = list.map((x) => observe(empty, x)).reduceRight((a, b) => merge(b, a), empty)
      for (const other of [inTurn, backwards, merged]) expect(other).toEqual(once)
    }),
    { numRuns: 500 },
  )
})

test('every bin counts the values between its edges', () => {
  const { empty, observe } = histogramObserver({ bins: 64 })
  const x = normal(2000, 1)
  const { edges, counts, min, max } = toHistogram(
    [x.subarray(0, 7), x.subarray(7)].reduce((s, b) => observe(s, b), empty),
  )
  counts.forEach((c, i) => {
    expect(c).toBe(x.filter((v) => v >= edges[i]! && v < edges[i + 1]!).length)
  })
  expect([min, max]).toEqual([Math.min(...x), Math.max(...x)])
  expect(counts.length).toBeGreaterThanOrEqual(64)
  expect(counts.length).toBeLessThanOrEqual(130)
})

test('constants, zeros and very different batches keep memory bounded', () => {
  const { empty, observe } = histogramObserver()
  let state = observe(empty, new Float32Array(10))
  state = observe(state, new Float32Array(10).fill(1e-30))
  state = observe(state, Float32Array.of(3e38, -3e38, Infinity, -Infinity))
  expect(state.counts.length).toBeLessThanOrEqual(4098)
  expect(state.counts.reduce((a, b) => a + b)).toBe(22)
  expect(observe(empty, new Float32Array(4).fill(2.5)).counts).toEqual(Float64Array.of(4))
})

test('minima, maxima and means per channel agree with plain loops, in parts and merged', () => {
  const range = minMaxObserver({ axis: 1 })
  const average = movingMeanObserver({ axis: 1 })
  const x = normal(2 * 3 * 4, 2)
  const [a, b] = [x.subarray(0, 12), x.subarray(12)]
  const channel = (c: number) => x.filter((_, i) => Math.floor(i / 4) % 3 === c)
  const ranges = range.merge(range.observe(range.empty, a, [1, 3, 4]), range.observe(range.empty, b, [1, 3, 4]))
  const means = average.observe(average.observe(average.empty, a, [1, 3, 4]), b, [1, 3, 4])
  for (let c = 0; c < 3; c++) {
    expect(ranges.min[c]).toBe(Math.min(...channel(c)))
    expect(ranges.max[c]).toBe(Math.max(...channel(c)))
    expect(means.mean[c]).toBeCloseTo(channel(c).reduce((s, v) => s + v, 0) / 8, 12)
    expect(means.count[c]).toBe(8)
  }
})

test('infinities are skipped, NaN is refused', () => {
  const x = Float32Array.of(1, -Infinity, 3, Infinity)
  const { empty, observe } = minMaxObserver()
  expect(observe(empty, x)).toEqual({ min: Float64Array.of(1), max: Float64Array.of(3) })
  expect(movingMeanObserver().observe(movingMeanObserver().empty, x).mean[0]).toBe(2)
  for (const observer of [minMaxObserver(), movingMeanObserver(), histogramObserver()] as const)
    expect(() => observer.observe(observer.empty as never, Float32Array.of(1, Number.NaN))).toThrow(
      expect.objectContaining({ code: 'OBSERVATION_NOT_FINITE', context: { index: 1 } }),
    )
})

test('a histogram of nothing is refused', () => {
  expect(() => toHistogram(histogramObserver().empty)).toThrow(expect.objectContaining({ code: 'OBSERVATION_EMPTY' }))
})
