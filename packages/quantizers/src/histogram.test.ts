import { expect, test } from 'vitest'
import { linspace, mergeHistograms, weightedHistogram } from './histogram.ts'
import { normal } from './random.fixture.ts'
import { zScoreFilter } from './z-score-filter.ts'

test('merging keeps the total and the range', () => {
  const parts = [normal(100, 1), normal(50, 2).map((x) => x * 4)].map((x) => weightedHistogram(x, undefined, 64))
  const merged = mergeHistograms(parts, 64)
  expect(merged.counts.reduce((a, b) => a + b)).toBeCloseTo(150, 9)
  expect(merged.min).toBe(Math.min(parts[0]!.min!, parts[1]!.min!))
})

test('merging one histogram with the same bins changes nothing', () => {
  const one = weightedHistogram(normal(500, 3), undefined, 32)
  const merged = mergeHistograms([one], 32)
  merged.counts.forEach((c, i) => {
    expect(c).toBeCloseTo(one.counts[i]!, 9)
  })
})

test('equal values, no values and NaN', () => {
  expect(weightedHistogram([2, 2], undefined, 4).edges).toEqual(linspace(1.5, 2.5, 5))
  expect(() => weightedHistogram([])).toThrow(expect.objectContaining({ code: 'OBSERVATION_EMPTY' }))
  expect(() => weightedHistogram([1, Number.NaN])).toThrow(expect.objectContaining({ code: 'OBSERVATION_NOT_FINITE' }))
  expect(() => mergeHistograms([])).toThrow(expect.objectContaining({ code: 'OBSERVATION_EMPTY' }))
})

test('the filter drops far bins and shrinks the known range to what is left', () => {
  const x = [...normal(1000, 4), 500]
  const filtered = zScoreFilter(weightedHistogram(x, undefined, 2048), 5)
  expect(filtered.counts.reduce((a, b) => a + b)).toBe(1000)
  expect(filtered.max).toBeLessThan(5)
  expect(filtered.edges.at(-1)).toBe(500)
  expect(zScoreFilter(filtered, Infinity)).toBe(filtered)
})
