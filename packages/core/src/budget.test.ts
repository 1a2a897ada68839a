import { expect, test } from 'vitest'
import { parseBudget } from './budget.ts'

test('a number is bytes', () => expect(parseBudget('weightsMemory', 1234, 1)).toBe(1234))
test('a percentage is a share of the float model', () =>
  expect(parseBudget('weightsMemory', ' 12.5 %', 8000)).toBe(1000))
test('kB is 1000 bytes and KiB is 1024', () => {
  expect(parseBudget('fileSize', '250 kB', 1)).toBe(250_000)
  expect(parseBudget('fileSize', '1.5MiB', 1)).toBe(1.5 * 1024 * 1024)
})
for (const text of ['', 'lots', '10 apples', '25%%', '1,5 kB', 'NaN', '0x10'])
  test(`${JSON.stringify(text)} is refused as unreadable`, () =>
    expect(() => parseBudget('fileSize', text, 100)).toThrow(
      expect.objectContaining({ code: 'BUDGET_UNREADABLE', hint: expect.stringContaining('25%') }),
    ))
for (const limit of [0, -5, Number.NaN, Number.POSITIVE_INFINITY, '0%', '-3 kB'])
  test(`${limit} is refused because nothing fits into it`, () =>
    expect(() => parseBudget('fileSize', limit, 100)).toThrow(expect.objectContaining({ code: 'BUDGET_NOT_POSITIVE' })))
