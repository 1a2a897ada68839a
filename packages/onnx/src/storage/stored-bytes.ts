import { bitsOf, f16ToF32, f32ToF16, type Grid, sizeOf, type Tensor } from '@mixbit/graph'
import { codeGroup } from './pack.ts'

/** Bytes of names, types and dims, as the encoder writes them (measured; names are a few bytes longer or shorter). */
const head = { initializer: 24, convert: 39, unpack: 30, trim: 118 }

/** From so many scales on, float16 and a Cast are shorter than float32. */
const fewestHalves = 24

/** Whether scales are stored as float16: where that is shorter and changes none of them. */
export const halfScales = (scale: Float32Array): boolean =>
  scale.length >= fewestHalves && f16ToF32(f32ToF16(scale)).every((s, i) => s === scale[i])

const isPacked = ({ bits }: Grid): boolean => bits < 8
const byTable = ({ bits }: Grid): boolean => bits === 1 || bits === 2 || bits === 4

/** Nodes that turn packed bytes into integers. */
const unpackNodes = (grid: Grid): number => (byTable(grid) ? (grid.levels ? 5 : 3) : 7)

/**
 * Predicted bytes of one constant in the file: its integers, scales, zero points and the nodes that unpack them; with
 * `grid` null, its float bytes. What all layers share is in `sharedBytes`.
 */
export function storedBytes(tensor: Tensor, grid: Grid | null): number {
  const elements = sizeOf(tensor.shape)
  if (grid === null) return Math.ceil((elements * bitsOf(tensor.dtype)) / 8) + head.initializer
  const affine = grid.zeroPoint.some((z) => z !== 0)
  const { length } = grid.scale
  const scales = halfScales(grid.scale) ? 2 * length + head.convert : 4 * length
  const parameters = scales + head.initializer + (affine ? 4 * length + head.initializer : 0)
  return integerBytes(elements, grid) + head.initializer + parameters + (affine ? 3 : 2) * head.convert
}

function integerBytes(elements: number, grid: Grid): number {
  if (!isPacked(grid)) return elements * (grid.bits > 8 ? 2 : 1)
  const group = codeGroup(grid.bits)
  const groups = Math.ceil(elements / group.codes)
  return groups * group.bytes + unpackNodes(grid) * head.unpack + (elements % group.codes === 0 ? 0 : head.trim)
}

/** Bytes of what packed constants share: tables and divisors for each width, levels, and each shape that is unpacked to. */
export function sharedBytes(stored: readonly { readonly tensor: Tensor; readonly grid: Grid }[]): number {
  const packed = stored.filter(({ grid }) => isPacked(grid))
  const shared = new Map<string, number>()
  for (const { tensor, grid } of packed) {
    const { bits, levels } = grid
    shared.set(`shape${tensor.shape}`, 8 * tensor.shape.length)
    if (byTable(grid)) shared.set(`codes${bits}${!levels && grid.signed}`, 256 * (8 / bits) + 8)
    else for (const [name, bytes] of digitConstants(bits)) shared.set(name, bytes)
    if (levels || !byTable(grid)) shared.set(`levels${levels ?? bits}`, levels?.length ?? 2 ** bits)
  }
  return [...shared.values()].reduce((sum, bytes) => sum + bytes + head.initializer, 0)
}

/** Places of the bytes with the shape of their groups, which widths share; divisors and modulus (measured: they share a head). */
function digitConstants(bits: number): [name: string, bytes: number][] {
  const { bytes, codes } = codeGroup(bits)
  const width = bytes > 3 ? 8 : 4
  return [
    [`group${bytes}`, bytes * width + 16 + head.initializer],
    [`digits${bits}`, (codes + 1) * width],
  ]
}
