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

/** The codes of a fake-quantized tensor, 0 to 2^bits - 1: its integers in two's complement, or their places among the levels. */
export function codesOf(tensor: Tensor, grid: Grid): Int32Array {
  const integers = integersOf(tensor, grid)
  const mask = 2 ** grid.bits - 1
  if (!grid.levels) return integers.map((q) => q & mask)
  const places = new Map(Array.from(grid.levels, (level, i) => [level, i]))
  return integers.map((q) => places.get(q)!)
}

/** The smallest number of whole bytes that holds whole codes: 3 bits take 3 bytes for 8 codes, 4 bits 1 byte for 2. */
export function codeGroup(bits: number): { readonly bytes: number; readonly codes: number } {
  const bytes = [1, 2, 3, 5, 7].find((n) => (8 * n) % bits === 0)!
  return { bytes, codes: (8 * bytes) / bits }
}

/** Codes of 1 to 7 bits, low bits first, in whole groups; what is missing is zero. */
export function packCodes(codes: Int32Array, bits: number): Uint8Array {
  const group = codeGroup(bits)
  const packed = new Uint8Array(Math.ceil(codes.length / group.codes) * group.bytes)
  for (let i = 0; i < codes.length; i++) {
    const at = i * bits
    const pair = codes[i]! << (at & 7)
    packed[at >> 3]! |= pair & 255
    if (pair > 255) packed[(at >> 3) + 1]! |= pair >> 8
  }
  return packed
}

/** Row b holds the codes that byte b packs, as integers of two's complement when `signed`. */
export function codeTable(bits: number, signed: boolean): Tensor {
  const perByte = 8 / bits
  const table = new Int8Array(256 * perByte)
  for (let byte = 0; byte < 256; byte++)
    for (let i = 0; i < perByte; i++) {
      const code = (byte >> (i * bits)) & (2 ** bits - 1)
      table[byte * perByte + i] = signed && code >= 2 ** (bits - 1) ? code - 2 ** bits : code
    }
  return { dtype: 'i8', shape: [256, perByte], data: table }
}
