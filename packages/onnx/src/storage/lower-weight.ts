import { type DType, f32ToF16, type Grid, type Tensor, type Value, type ValueId } from '@mixbit/graph'
import type { Builder } from '../builder.ts'
import { typeOf } from '../tensor.ts'
import { inDomain } from './domain.ts'
import { codesOf, integersOf, packCodes } from './pack.ts'
import { halfScales } from './stored-bytes.ts'
import { unpackedIntegers } from './unpack.ts'

/** Shape of a per-channel parameter that broadcasts against the weight. */
const broadcast = (shape: readonly number[], axis: number | null): number[] =>
  axis === null ? [] : shape.map((n, i) => (i === axis ? n : 1))

/**
 * The stored integers as a value: an initializer of 8 or 16 bits, or packed ones with the nodes that unpack them. Plain
 * integers of 4 and 2 bits use the format's own types from opset 21 and 25 on.
 */
function integerValue(to: Builder, tensor: Tensor, grid: Grid, opset: number): { id: ValueId; dtype: DType } {
  const { shape } = tensor
  const { bits, signed, levels } = grid
  const native = !levels && ((bits === 4 && opset >= 21) || (bits === 2 && opset >= 25))
  // Below opset 9 the 56 bits of a group of 7-bit codes cannot be summed exactly: they get whole bytes.
  const packed = bits < 8 && !native && !(bits === 7 && opset < 9)
  if (packed) return { id: unpackedIntegers(to, tensor, grid, opset), dtype: 'i8' }
  const dtype = `${signed ? 'i' : 'u'}${bits > 8 ? 16 : native ? bits : 8}` as
    | 'i16'
    | 'u16'
    | 'i8'
    | 'u8'
    | 'i4'
    | 'u4'
    | 'i2'
    | 'u2'
  const integers = integersOf(tensor, grid)
  const data = native ? packCodes(codesOf(tensor, grid), bits) : arrays[dtype as keyof typeof arrays].from(integers)
  return { id: to.constant({ dtype, shape, data }), dtype }
}

const arrays = { i8: Int8Array, u8: Uint8Array, i16: Int16Array, u16: Uint16Array }

/** One number per channel, in half the bytes where float16 holds them exactly. */
function scaleConstant(to: Builder, scale: Float32Array, shape: readonly number[]): ValueId {
  if (!halfScales(scale)) return to.constant({ dtype: 'f32', shape, data: scale })
  const half = to.constant({ dtype: 'f16', shape, data: f32ToF16(scale) })
  return to.node('Cast', [half], { dtype: 'f32', shape }, { to: typeOf('f32') })
}

/** Stored integers -> Cast -> (Sub zero point) -> Mul scale: folds to a float constant when the model loads. */
export function lowerWeight(to: Builder, value: Value, grid: Grid, opset: number): void {
  const tensor = value.tensor as Tensor
  const { shape } = tensor
  const { id } = integerValue(to, tensor, grid, opset)
  const per = broadcast(shape, grid.axis)
  const float = { dtype: 'f32' as const, shape }
  let x = to.node('Cast', [id], float, { to: typeOf('f32') })
  if (grid.zeroPoint.some((z) => z !== 0))
    x = to.node('Sub', [x, to.constant({ dtype: 'f32', shape: per, data: Float32Array.from(grid.zeroPoint) })], float)
  const scale = scaleConstant(to, grid.scale, per)
  if (value.dtype === 'f32') to.node('Mul', [x, scale], float, {}, value.id)
  else
    to.node(
      'Cast',
      [to.node('Mul', [x, scale], float)],
      { dtype: value.dtype, shape },
      { to: typeOf(value.dtype) },
      value.id,
    )
}

/** Stored integers -> (Cast to int8) -> DequantizeLinear per channel: what onnxruntime fuses into integer kernels. */
export function lowerIntegerWeight(to: Builder, value: Value, grid: Grid, opset: number): void {
  const tensor = value.tensor as Tensor
  const { shape } = tensor
  let { id, dtype } = integerValue(to, tensor, grid, opset)
  if (dtype === 'i4' || dtype === 'i2') id = to.node('Cast', [id], { dtype: 'i8', shape }, { to: typeOf('i8') })
  const scale = scaleConstant(to, grid.scale, grid.axis === null ? [] : [grid.scale.length])
  to.node(
    inDomain('DequantizeLinear', grid, opset),
    [id, scale],
    { dtype: 'f32', shape },
    grid.axis === null ? {} : { axis: grid.axis },
    value.id,
  )
}
