import { bitsOf, type Grid, sizeOf, type Tensor } from '@mixbit/graph'

/** Bytes of names, types and dims, as the encoder writes them (measured; names are a few bytes longer or shorter). */
const head = { initializer: 24, convert: 39, unpack: 30, trim: 118 }

/** 2 and 4 bits share bytes; every other width has whole ones. */
const isPacked = ({ bits }: Grid): boolean => bits === 2 || bits === 4

/**
 * Predicted bytes of one constant in the file: its integers, scales, zero points and the nodes that unpack them; with
 * `grid` null, its float bytes. What all layers share is in `sharedBytes`.
 */
export function storedBytes(tensor: Tensor, grid: Grid | null): number {
  const elements = sizeOf(tensor.shape)
  if (grid === null) return Math.ceil((elements * bitsOf(tensor.dtype)) / 8) + head.initializer
  const affine = grid.zeroPoint.some((z) => z !== 0) ? 1 : 0
  const width = isPacked(grid) ? grid.bits : grid.bits > 8 ? 16 : 8
  const integers = Math.ceil((elements * width) / 8)
  const unpack = isPacked(grid) ? 3 * head.unpack + ((elements * grid.bits) % 8 === 0 ? 0 : head.trim) : 0
  const parameters = (1 + affine) * (4 * grid.scale.length + head.initializer)
  return integers + parameters + unpack + head.initializer + (2 + affine) * head.convert
}

/** Bytes of what packed constants share: an unpacking table for each width, and each shape that is unpacked to. */
export function sharedBytes(stored: readonly { readonly tensor: Tensor; readonly grid: Grid }[]): number {
  const packed = stored.filter(({ grid }) => isPacked(grid))
  const tables = new Set(packed.map(({ grid }) => grid.bits))
  const shapes = new Map(packed.map(({ tensor: { shape } }) => [shape.join(), 8 * shape.length + head.initializer]))
  return (
    [...tables].reduce((sum, bits) => sum + 256 * (8 / bits) + 52, 0) +
    [...shapes.values()].reduce((sum, bytes) => sum + bytes, 0)
  )
}
