import { expect, test } from 'vitest'
import { bitsText, bytes, byteTick, decibel, list, number, percent, tick, time } from './format.ts'

test('sizes have three digits and their unit', () => {
  expect([0, 812, 999.6, 12_345, 999_600, 5_000_000].map(bytes)).toEqual([
    '0 B',
    '812 B',
    '1.00 kB',
    '12.3 kB',
    '999.6 kB',
    '5.00 MB',
  ])
  expect([10_000, 2_500, 800].map(byteTick)).toEqual(['10 kB', '2.5 kB', '800 B'])
})

test('measured numbers have three digits, and powers of ten where they are small or large', () => {
  expect([0, 1, 0.01, 0.0123, 0.00000451, 1560.7, 23456, -0.5].map(number)).toEqual([
    '0',
    '1',
    '0.0100',
    '0.0123',
    '4.51·10⁻⁶',
    '1561',
    '2.35·10⁴',
    '−0.500',
  ])
})

test('axes have no zeros behind the last digit', () => {
  expect([0.5, 1, 0.0001, 0.00025, 20000, 0, -1.5].map(tick)).toEqual([
    '0.5',
    '1',
    '10⁻⁴',
    '2.5·10⁻⁴',
    '2·10⁴',
    '0',
    '−1.5',
  ])
})

test('what JSON makes of missing and infinite numbers can be read', () => {
  expect([null, undefined, 'Infinity', '-Infinity', 'NaN'].map(number)).toEqual(['–', '–', '∞', '−∞', '–'])
  expect([bytes(null), percent(null), decibel('Infinity'), time(undefined)]).toEqual(['–', '–', '∞', '–'])
})

test('times, decibels, bits and lists in words', () => {
  expect([320, 4_200, 125_000].map(time)).toEqual(['320 ms', '4.2 s', '2 min 05 s'])
  expect([decibel(22.44), decibel(200)]).toEqual(['22.4 dB', 'identical'])
  expect([bitsText(1), bitsText(4), bitsText(null)]).toEqual(['1 bit', '4 bits', 'float'])
  expect([list([]), list(['a']), list(['a', 'b', 'c'])]).toEqual(['', 'a', 'a, b and c'])
})
