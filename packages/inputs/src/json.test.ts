import { expect, test } from 'vitest'
import { parseJson } from './json.ts'

const data = (text: string) =>
  parseJson(text, 'a.json').map(({ tensors }) =>
    Object.fromEntries([...tensors].map(([name, t]) => [name, [t.shape, [...(t.data as Float64Array)]]])),
  )

test('samples come as feeds, by input, or bare', () => {
  expect(data('[{"x": [[1, 2]], "n": 3}]')).toEqual([
    {
      x: [
        [1, 2],
        [1, 2],
      ],
      n: [[], [3]],
    },
  ])
  expect(data('{"x": [[1, 2], [3, 4]]}')).toEqual([{ x: [[2], [1, 2]] }, { x: [[2], [3, 4]] }])
  expect(data('[[1, 2], [3, 4]]')).toEqual([{ '': [[2], [1, 2]] }, { '': [[2], [3, 4]] }])
})

test('samples may differ in length, but one sample may not be ragged', () => {
  expect(data('[[1], [2, 3]]')).toHaveLength(2)
  expect(() => data('[[[1], [2, 3]]]')).toThrow(
    'a.json, sample 0 is ragged: at depth 1, 1 elements were expected, 2 found',
  )
})

test('NaN as Python writes it, and null, are named as such', () => {
  expect(() => data('[[1, NaN]]')).toThrow(expect.objectContaining({ code: 'DATA_NOT_FINITE' }))
  expect(() => data('[[1, null]]')).toThrow(expect.objectContaining({ code: 'DATA_NOT_FINITE' }))
})

test('broken JSON, words, and unequal numbers of samples are refused', () => {
  for (const text of ['[1,', '3', '[["a"]]', '{"x": [1], "y": [1, 2]}', '{"x": 1}'])
    expect(() => data(text)).toThrow(expect.objectContaining({ code: 'DATA_FORMAT' }))
})
