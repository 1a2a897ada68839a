import { zipSync } from 'fflate'
import { expect, test } from 'vitest'
import { parseNpy } from './npy.ts'
import { parseNpz } from './npz.ts'
import { npy } from './testing/npy.ts'

test('an array comes back with its type, shape and numbers', () => {
  const data = Float32Array.of(1, -2.5, 3, 4, 5, 6)
  expect(parseNpy(npy('<f4', [2, 3], data), 'a.npy')).toEqual({ dtype: 'f32', shape: [2, 3], data })
  expect(parseNpy(npy('<i8', [2], BigInt64Array.of(-1n, 2n ** 40n)), 'a.npy').data).toEqual(
    BigInt64Array.of(-1n, 2n ** 40n),
  )
  expect(parseNpy(npy('|u1', [3], Uint8Array.of(1, 2, 255)), 'a.npy')).toMatchObject({ dtype: 'u8', shape: [3] })
})

test('a scalar has no extents', () => {
  expect(parseNpy(npy('<f8', [], Float64Array.of(7)), 'a.npy')).toEqual({
    dtype: 'f64',
    shape: [],
    data: Float64Array.of(7),
  })
})

test('Fortran order and big-endian bytes are put right', () => {
  const columns = Int16Array.of(1, 4, 2, 5, 3, 6)
  expect(parseNpy(npy('<i2', [2, 3], columns, true), 'a.npy').data).toEqual(Int16Array.of(1, 2, 3, 4, 5, 6))
  const big = Buffer.alloc(8)
  big.writeFloatBE(1.5, 0)
  big.writeFloatBE(-3, 4)
  expect(parseNpy(npy('>f4', [2], big), 'a.npy').data).toEqual(Float32Array.of(1.5, -3))
})

test('files that are cut short, of another format, or of another type are refused', () => {
  const whole = npy('<f4', [4], new Float32Array(4))
  for (const bytes of [
    whole.slice(0, -1),
    whole.slice(0, 20),
    new Uint8Array(40),
    new Uint8Array(),
    npy('<U3', [1], new Uint8Array(12)),
  ])
    expect(() => parseNpy(bytes, 'a.npy')).toThrow(expect.objectContaining({ code: 'DATA_FORMAT' }))
})

test('the keys of an .npz are the names of its arrays, and a broken one is refused', () => {
  const zip = zipSync({ 'x.npy': npy('<f4', [1], Float32Array.of(3)), 'ids.npy': npy('<i4', [2], Int32Array.of(1, 2)) })
  const arrays = parseNpz(zip, 'a.npz')
  expect([...arrays.keys()]).toEqual(['x', 'ids'])
  expect(arrays.get('ids')!.data).toEqual(Int32Array.of(1, 2))
  expect(() => parseNpz(zip.slice(0, 30), 'a.npz')).toThrow(expect.objectContaining({ code: 'DATA_FORMAT' }))
  expect(() => parseNpz(zipSync({ 'readme.txt': new Uint8Array(1) }), 'a.npz')).toThrow(
    expect.objectContaining({ code: 'DATA_FORMAT' }),
  )
})
