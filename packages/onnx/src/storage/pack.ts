import { type Grid, sizeOf, type Tensor, toF32 } from '@mixbit/graph'

/** The integers of a fake-quantized tensor: q = x / scale + zeroPoint, exact because x lies on the grid. */
export function integersOf(tensor: Tensor, { axis, scale, zeroPoint }: Grid): Int32Array {
  const data = toF32(tensor)
  const inner = axis === null ? data.length : sizeOf(tensor.shape.slice(axis + 1))
  const channels = axis === null ? 1 : (tensor.shape[axis] ?? 1)
  return Int32Array.from(data, (x, i) => {
    const channel = Math.floor(i / inner) % channels
    return Math.round(x / scale[channel]!) + zeroPoint[channel]!
  })
}

/** Integers of 2 or 4 bits in two's complement, low bits first. */
export function packIntegers(integers: Int32Array, bits: 2 | 4): Uint8Array {
  const perByte = 8 / bits
  const packed = new Uint8Array(Math.ceil(integers.length / perByte))
  const mask = (1 << bits) - 1
  for (let i = 0; i < integers.length; i++)
    packed[Math.floor(i / perByte)]! |= (integers[i]! & mask) << ((i % perByte) * bits)
  return packed
}

/** Row b holds the integers that byte b packs: the table that unpacks by a Gather. */
export function unpackTable(bits: 2 | 4, signed: boolean): Tensor {
  const perByte = 8 / bits
  const table = new Int8Array(256 * perByte)
  const half = signed ? 1 << (bits - 1) : 1 << bits
  for (let byte = 0; byte < 256; byte++)
    for (let i = 0; i < perByte; i++) {
      const q = (byte >> (i * bits)) & ((1 << bits) - 1)
      table[byte * perByte + i] = q >= half ? q - (1 << bits) : q
    }
  return { dtype: 'i8', shape: [256, perByte], data: table }
}
