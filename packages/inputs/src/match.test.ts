import type { DType, Tensor } from '@mixbit/graph'
import { expect, test } from 'vitest'
import { match } from './match.ts'
import type { InputSpec } from './types.ts'

const f32 = (shape: number[], data = new Float32Array(shape.reduce((a, b) => a * b, 1))): Tensor => ({
  dtype: 'f32',
  shape,
  data,
})
const spec = (name: string, shape: (number | string)[], dtype: DType = 'f32'): InputSpec => ({ name, shape, dtype })
const stack = (tensor: Tensor) => ({ stacked: new Map([['', tensor]]) })
const shapesOf = (feeds: readonly ReadonlyMap<string, Tensor>[], name: string) =>
  feeds.map((feed) => feed.get(name)!.shape)

test('a stack is cut into samples with a batch of one, as many as wanted', () => {
  const { feeds, names } = match(stack(f32([3, 2], Float32Array.of(1, 2, 3, 4, 5, 6))), [spec('x', ['N', 2])], 2)
  expect(names).toEqual(['0', '1'])
  expect(feeds.map((feed) => feed.get('x'))).toEqual([
    f32([1, 2], Float32Array.of(1, 2)),
    f32([1, 2], Float32Array.of(3, 4)),
  ])
})

test('with one more rank than the model, each row is a whole input', () => {
  expect(shapesOf(match(stack(f32([4, 2, 1, 5])), [spec('x', [2, 1, 5])]).feeds, 'x')).toEqual(Array(4).fill([2, 1, 5]))
})

test('a fixed batch takes that many rows at once', () => {
  expect(shapesOf(match(stack(f32([6, 5])), [spec('x', [3, 5])]).feeds, 'x')).toEqual([
    [3, 5],
    [3, 5],
  ])
})

test('single samples without a batch dimension get one', () => {
  const samples = [{ name: 'a', tensors: new Map([['', f32([2])]]) }]
  expect(shapesOf(match({ samples }, [spec('x', ['N', 2])]).feeds, 'x')).toEqual([[1, 2]])
})

test('numbers are converted when they fit the type of the input', () => {
  const u16: Tensor = { dtype: 'u16', shape: [1, 2], data: Uint16Array.of(1, 256) }
  expect(match(stack(u16), [spec('x', ['N', 2], 'i64')]).feeds[0]!.get('x')!.data).toEqual(BigInt64Array.of(1n, 256n))
  expect(() => match(stack(u16), [spec('x', ['N', 2], 'u8')])).toThrow(
    'is u16, but the model wants u8 (the number 256 does not fit)',
  )
  expect(() => match(stack(f32([1, 2], Float32Array.of(1, 1.5))), [spec('x', ['N', 2], 'i32')])).toThrow(
    'the number 1.5 does not fit',
  )
})

test('a wrong shape names both shapes', () => {
  expect(() => match(stack(f32([2, 3])), [spec('x', ['N', 2])])).toThrow(
    expect.objectContaining({
      code: 'DATA_MISMATCH',
      message: 'The data has shape [2,3] for input "x", but the model wants [N,2].',
    }),
  )
})

test('NaN names its sample, its input and its place', () => {
  expect(() => match(stack(f32([2, 2], Float32Array.of(1, 2, 3, Number.NaN))), [spec('x', ['N', 2])])).toThrow(
    expect.objectContaining({ code: 'DATA_NOT_FINITE', message: 'Sample 1 has NaN in input "x", at element 1.' }),
  )
})

test('missing and unknown inputs, and unequal counts, are named', () => {
  const both = [spec('x', ['N', 1]), spec('y', ['N', 1])]
  expect(() =>
    match(
      {
        stacked: new Map([
          ['x', f32([2, 1])],
          ['z', f32([2, 1])],
        ]),
      },
      both,
    ),
  ).toThrow('no input "y". The data has "z"')
  expect(() =>
    match(
      {
        stacked: new Map([
          ['x', f32([2, 1])],
          ['y', f32([3, 1])],
        ]),
      },
      both,
    ),
  ).toThrow('"x" has 2 samples, but "y" has 3')
  expect(() => match({ samples: [] }, both)).toThrow(expect.objectContaining({ code: 'DATA_EMPTY' }))
})
