import { expect, test } from 'vitest'
import { curve, frontierTable } from './commands/frontier.ts'
import { bytes, duration, json, number } from './format.ts'
import { right, table } from './table.ts'

test('sizes, times and numbers read well', () => {
  expect([0, 812, 999, 12_345, 999_400, 1_234_567].map(bytes)).toEqual([
    '0 B',
    '812 B',
    '999 B',
    '12.3 kB',
    '999 kB',
    '1.23 MB',
  ])
  expect([7_000, 750_000, 3_723_000].map(duration)).toEqual(['0:07', '12:30', '1:02:03'])
  expect([null, 0, 0.012345, 1e-9, 123456].map(number)).toEqual(['-', '0', '0.0123', '1.00e-9', '1.23e+5'])
})

test('what JSON cannot say is said in its own way', () => {
  expect(JSON.parse(json({ a: Number.NaN, b: 3n, c: Float32Array.of(1), d: new Map([['k', 1]]) }))).toEqual({
    a: 'NaN',
    b: 3,
    c: [1],
    d: { k: 1 },
  })
})

test('tables line up', () => {
  expect(
    table(
      ['a', right('n')],
      [
        ['x', '1'],
        ['long', '22'],
      ],
    ),
  ).toBe('a      n\n────  ──\nx      1\nlong  22\n')
})

test('the curve falls from left to right and names its ends', () => {
  const points = [
    { weightsMemory: 1000, sensitivity: 1, bits: [2, 2] },
    { weightsMemory: 2000, sensitivity: 0.1, bits: [4, 2] },
    { weightsMemory: 4000, sensitivity: 0.01, bits: [8, 8] },
  ]
  expect(`\n${curve(points, 13, 3)}`).toMatchInlineSnapshot(`
    "
            1 │●
              │    ●
         0.01 │            ●
              └─────────────
               1.00 kB4.00 kB
    "
  `)
  expect(frontierTable(points, 16_000)).toContain('25.0 %         0.01  8:2')
  expect(curve([])).toBe('')
  expect(curve([{ weightsMemory: 5, sensitivity: 0, bits: [] }], 5, 2)).toContain('●')
})
