import { type Grid, parseGraph } from '@mixbit/graph'
import { symmetricGrid, uniformGrid } from '@mixbit/quantizers'
import { expect, test } from 'vitest'
import type { Activation } from '../observe.ts'
import { equalConcats } from './equal-concats.ts'

const row = (value: string, grids: readonly Grid[], values = [value]): Activation => ({
  value,
  values,
  fused: [],
  candidates: grids.map((grid) => ({ bits: grid.bits, grid })),
  base: 8,
  otherBase: null,
})
const grid = (threshold: number, signed = true, bits = 8) => symmetricGrid({ threshold, bits, signed })
const thresholds = (rows: readonly Activation[]) =>
  rows.map(({ candidates }) => candidates.map(({ grid: { scale, bits, signed } }) => scale[0]! * 2 ** (bits - +signed)))

const graph = parseGraph(`graph g(%a: f32[1], %b: f32[1], %c: f32[1], %d: f32[1]) {
  %p = reshapeLike(%b)  %x = concat(%a, %p, %c)  %y = concat(%x, %d)  return %y }`)

test('what one concat joins gets the largest threshold, each at its own sign and width', () => {
  const rows = [
    row('a', [grid(4), grid(2, true, 4)]),
    row('b', [grid(8, false), grid(8, false, 4)], ['b', 'p']),
    row('c', [grid(1)]),
    row('d', [grid(16)]),
    row('x', [grid(8)]),
  ]
  const equal = equalConcats(graph, rows)
  expect(thresholds(equal)).toEqual([[8, 8], [8, 8], [8], [16], [16]])
  expect(equal.map(({ candidates }) => candidates[0]!.grid.signed)).toEqual([true, false, true, true, true])
})

test('grids with a zero point have no threshold and stay', () => {
  const uniform = uniformGrid({ min: -1, max: 20, bits: 8 })
  const rows = [row('a', [uniform]), row('b', [grid(2)], ['b', 'p']), row('c', [grid(4)])]
  const equal = equalConcats(graph, rows)
  expect(equal[0]!.candidates[0]!.grid).toBe(uniform)
  expect(thresholds(equal.slice(1))).toEqual([[4], [4]])
})

test('what goes into no concat stays', () => {
  const rows = [row('y', [grid(4)])]
  expect(equalConcats(graph, rows)).toEqual(rows)
})
