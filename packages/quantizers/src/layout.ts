import { MixbitError, sizeOf } from '@mixbit/graph'

/** A row-major tensor seen as [outer, channels, inner]. */
export interface Layout {
  readonly outer: number
  readonly channels: number
  readonly inner: number
}

/**
 * Splits a shape at an axis; `axis` null: one channel.
 * @throws MixbitError `AXIS_OUT_OF_RANGE`; `TENSOR_SIZE` when `length` is given and is not the size of the shape.
 */
export function layoutOf(shape: readonly number[], axis: number | null, length?: number): Layout {
  const size = sizeOf(shape)
  if (length !== undefined && length !== size)
    throw new MixbitError(
      'TENSOR_SIZE',
      `A tensor of shape [${shape}] has ${size} elements, but ${length} were given.`,
      {
        hint: 'Give as many numbers as the shape holds.',
        context: { shape, length },
      },
    )
  if (axis === null) return { outer: 1, channels: 1, inner: size }
  if (!Number.isInteger(axis) || axis < 0 || axis >= shape.length)
    throw new MixbitError('AXIS_OUT_OF_RANGE', `Axis ${axis} is not an axis of shape [${shape}].`, {
      hint: `Give an integer from 0 to ${shape.length - 1}, or null for one grid per tensor.`,
      context: { shape, axis },
    })
  return { outer: sizeOf(shape.slice(0, axis)), channels: shape[axis]!, inner: sizeOf(shape.slice(axis + 1)) }
}

/**
 * Calls `visit` with the elements of each channel in row-major order. The array is only lent until `visit` returns.
 * Channels are gathered sixteen at a time, so that a strided tensor is not walked once per channel.
 */
export function forEachChannel(data: Float32Array, layout: Layout, visit: (x: Float32Array, channel: number) => void) {
  const { outer, channels, inner } = layout
  const length = outer * inner
  if (outer === 1) {
    for (let c = 0; c < channels; c++) visit(data.subarray(c * length, (c + 1) * length), c)
    return
  }
  const group = 16
  const rows = new Float32Array(group * length)
  for (let first = 0; first < channels; first += group) {
    const count = Math.min(group, channels - first)
    for (let o = 0; o < outer; o++)
      for (let c = 0; c < count; c++) {
        const from = (o * channels + first + c) * inner
        const to = c * length + o * inner
        for (let i = 0; i < inner; i++) rows[to + i] = data[from + i]!
      }
    for (let c = 0; c < count; c++) visit(rows.subarray(c * length, (c + 1) * length), first + c)
  }
}

/** @throws MixbitError `BITS_OUT_OF_RANGE` unless bits is an integer from 2 to 16. */
export function checkBits(bits: number): void {
  if (!Number.isInteger(bits) || bits < 2 || bits > 16)
    throw new MixbitError('BITS_OUT_OF_RANGE', `A grid cannot have ${bits} bits.`, {
      hint: 'Give an integer from 2 to 16.',
      context: { bits },
    })
}
