import { expect, test } from 'vitest'
import { f16ToF32, f32, f32ToF16, toF32 } from './index.ts'

const all = Uint16Array.from({ length: 0x10000 }, (_, i) => i)
const wide = f16ToF32(all)

test('every half survives the way to float32 and back; NaN becomes the quiet one', () => {
  const back = f32ToF16(wide)
  for (const bits of all) {
    const nan = (bits & 0x7c00) === 0x7c00 && (bits & 0x3ff) !== 0
    if (nan ? (back[bits]! & 0x7fff) !== 0x7e00 : back[bits] !== bits) throw new Error(`0x${bits.toString(16)}`)
  }
})

test('narrowing picks the nearest half and breaks ties to the even one', () => {
  // Oracle: neighbouring halves are neighbours in bits, so the midpoint and its float32 neighbours decide everything.
  const above = (x: number) =>
    new Float32Array(new Uint32Array([new Uint32Array(new Float32Array([x]).buffer)[0]! + 1]).buffer)[0]!
  const below = (x: number) =>
    new Float32Array(new Uint32Array([new Uint32Array(new Float32Array([x]).buffer)[0]! - 1]).buffer)[0]!
  for (let bits = 0; bits < 0x7bff; bits += 7) {
    const middle = (wide[bits]! + wide[bits + 1]!) / 2
    const [low, tie, high] = f32ToF16(Float32Array.of(below(middle), middle, above(middle)))
    expect([low, tie, high]).toEqual([bits, bits + (bits & 1), bits + 1])
  }
  expect([...f32ToF16(Float32Array.of(65519, 65520, -1e9, 2 ** -25, -0))]).toEqual([0x7bff, 0x7c00, 0xfc00, 0, 0x8000])
})

test('toF32 reads all floating-point types and refuses the others by name', () => {
  const source = f32([1.5, -2, 0, 0.25], [4])
  expect(toF32(source)).toBe(source.data)
  expect(toF32({ dtype: 'bf16', shape: [3], data: Uint16Array.of(0x3fc0, 0xc000, 0x7f80) })).toEqual(
    Float32Array.of(1.5, -2, Infinity),
  )
  expect(toF32({ dtype: 'f64', shape: [1], data: Float64Array.of(0.1) })).toEqual(Float32Array.of(0.1))
  expect(() => toF32({ dtype: 'i8', shape: [1], data: Int8Array.of(1) })).toThrow(/dtype i8/)
})
