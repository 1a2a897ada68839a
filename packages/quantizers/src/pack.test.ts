import fc from 'fast-check'
import { expect, test } from 'vitest'
import { packBits, unpackBits } from './pack.ts'

test('unpacking gives back what was packed, for every width, sign and length', () => {
  const widths = fc.constantFrom(2 as const, 4 as const, 8 as const, 16 as const)
  fc.assert(
    fc.property(widths, fc.boolean(), fc.array(fc.nat(65535), { maxLength: 40 }), (bits, signed, raw) => {
      const q = Int32Array.from(raw, (v) => (v % 2 ** bits) - (signed ? 2 ** (bits - 1) : 0))
      const bytes = packBits(q, bits, signed)
      expect(bytes.length).toBe(Math.ceil((q.length * bits) / 8))
      expect(unpackBits(bytes, bits, signed, q.length)).toEqual(q)
    }),
  )
})

test('the first integer is in the low bits', () => {
  expect([...packBits([1, -1, 7], 4, true)]).toEqual([0xf1, 0x07])
  expect([...packBits([0, 1, 2, 3, 1], 2, false)]).toEqual([0b11100100, 0b01])
})

test('what does not fit is refused', () => {
  expect(() => packBits([8], 4, true)).toThrow(expect.objectContaining({ code: 'PACK_OUT_OF_RANGE' }))
  expect(() => packBits([-1], 4, false)).toThrow(expect.objectContaining({ code: 'PACK_OUT_OF_RANGE' }))
  expect(() => packBits([1], 3 as 2, false)).toThrow(expect.objectContaining({ code: 'BITS_NOT_PACKABLE' }))
  expect(() => unpackBits(new Uint8Array(1), 4, true, 3)).toThrow(expect.objectContaining({ code: 'TENSOR_SIZE' }))
})
