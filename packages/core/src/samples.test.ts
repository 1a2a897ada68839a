import { f32, type Graph } from '@mixbit/graph'
import { expect, test } from 'vitest'
import { checkSamples } from './samples.ts'

const graph: Graph = {
  name: 'g',
  inputs: ['x'],
  outputs: ['x'],
  nodes: [],
  meta: {},
  values: new Map([['x', { id: 'x', dtype: 'f32', shape: ['N', 2] }]]),
}
const sample = (...numbers: number[]) => new Map([['x', f32(numbers, [1, numbers.length])]])
const refusal = (code: string, text: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(text) })

test('samples that fit are given back', () => expect(checkSamples(graph, [sample(1, 2)])).toHaveLength(1))
test('no samples at all are refused with the signature of the model', () =>
  expect(() => checkSamples(graph, [])).toThrow(
    expect.objectContaining({ code: 'DATA_MISSING', hint: expect.stringContaining('x: f32[N,2]') }),
  ))
test('a sample of another shape is named', () =>
  expect(() => checkSamples(graph, [sample(1, 2), sample(1, 2, 3)])).toThrow(
    refusal('DATA_MISMATCH', 'sample 1 gives x as f32[1,3]'),
  ))
test('a sample of another dtype is named', () =>
  expect(() =>
    checkSamples(graph, [new Map([['x', { dtype: 'i32' as const, shape: [1, 2], data: new Int32Array(2) }]])]),
  ).toThrow(refusal('DATA_MISMATCH', 'i32[1,2]')))
test('a sample without the input is named', () =>
  expect(() => checkSamples(graph, [new Map()])).toThrow(refusal('DATA_MISMATCH', 'sample 0 has no input x')))
test('NaN in a sample is refused', () =>
  expect(() => checkSamples(graph, [sample(1, 2), sample(Number.NaN, 0)])).toThrow(
    refusal('DATA_NOT_FINITE', 'Sample 1'),
  ))
