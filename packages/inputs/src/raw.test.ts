import { expect, test } from 'vitest'
import { parseRaw } from './raw.ts'

test('a file holds as many samples as fit', () => {
  const bytes = new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer)
  expect(parseRaw(bytes, { dtype: 'f32', shape: [1, 2] }, 'a.bin')).toEqual({
    dtype: 'f32',
    shape: [3, 1, 2],
    data: Float32Array.of(1, 2, 3, 4, 5, 6),
  })
})

test('the label before each record can be skipped', () => {
  expect(parseRaw(Uint8Array.of(9, 1, 2, 9, 3, 4), { dtype: 'u8', shape: [2], recordSkip: 1 }, 'a.bin').data).toEqual(
    Uint8Array.of(1, 2, 3, 4),
  )
})

test('a file that is no whole number of records names both sizes', () => {
  expect(() => parseRaw(new Uint8Array(10), { dtype: 'f32', shape: [1] }, 'a.bin')).toThrow(
    'has 10 bytes, which is not a whole number of records of 4 bytes',
  )
  expect(() => parseRaw(new Uint8Array(0), { dtype: 'f32', shape: [1] }, 'a.bin')).toThrow('has 0 bytes')
})

test('without type and shape, it says which flags are missing', () => {
  expect(() => parseRaw(new Uint8Array(4), {}, 'a.bin')).toThrow(
    expect.objectContaining({ code: 'DATA_FORMAT', hint: expect.stringContaining('--dtype f32 --shape') }),
  )
})
