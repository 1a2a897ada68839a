import { bitsOf, type Grid, sizeOf, type Tensor } from '@mixbit/graph'

/** Bytes that names, types and dims of one initializer take. */
const initializerHead = 24
/** Bytes of one helper node. */
const nodeHead = 40

/**
 * Predicted bytes of one constant in the file: its packed integers, scales, zero points and the nodes that unpack them;
 * with `grid` null, its float bytes. The unpacking tables (0.5 and 1 kB) are shared by all layers and not counted here.
 */
export function storedBytes(tensor: Tensor, grid: Grid | null): number {
  const elements = sizeOf(tensor.shape)
  if (grid === null) return Math.ceil((elements * bitsOf(tensor.dtype)) / 8) + initializerHead
  const packed = grid.bits === 2 || grid.bits === 4
  const width = grid.bits > 8 ? 16 : packed ? grid.bits : 8
  const affine = grid.zeroPoint.some((z) => z !== 0)
  const nodes = 2 + (affine ? 1 : 0) + (packed ? 3 : 0)
  const initializers = 2 + (affine ? 1 : 0)
  return (
    Math.ceil((elements * width) / 8) +
    4 * grid.scale.length * (affine ? 2 : 1) +
    initializers * initializerHead +
    nodes * nodeHead
  )
}
