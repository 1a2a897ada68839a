import { type DType, type Grid, sizeOf, type Tensor, type Value, type ValueId } from '@mixbit/graph'
import type { Builder } from '../builder.ts'
import { typeOf } from '../tensor.ts'
import { inDomain } from './domain.ts'
import { integersOf, packIntegers, unpackTable } from './pack.ts'

/** Shape of a per-channel parameter that broadcasts against the weight. */
const broadcast = (shape: readonly number[], axis: number | null): number[] =>
  axis === null ? [] : shape.map((n, i) => (i === axis ? n : 1))

const ints = (values: readonly number[]): Tensor => ({
  dtype: 'i64',
  shape: [values.length],
  data: BigInt64Array.from(values.map(BigInt)),
})

/**
 * The stored integers as a value: an initializer of 8 or 16 bits, or packed ones with the nodes that unpack them. 4 and 2
 * bits use the format's own types from opset 21 and 25 on, and below that a table that unpacks byte by byte with Gather,
 * which every opset has; both fold away when the model loads.
 */
function integerValue(to: Builder, tensor: Tensor, grid: Grid, opset: number): { id: ValueId; dtype: DType } {
  const { shape } = tensor
  const integers = integersOf(tensor, grid)
  const { bits, signed } = grid
  if (bits > 8)
    return {
      id: to.constant({
        dtype: signed ? 'i16' : 'u16',
        shape,
        data: signed ? Int16Array.from(integers) : Uint16Array.from(integers),
      }),
      dtype: signed ? 'i16' : 'u16',
    }
  if (bits !== 2 && bits !== 4)
    return {
      id: to.constant({
        dtype: signed ? 'i8' : 'u8',
        shape,
        data: signed ? Int8Array.from(integers) : Uint8Array.from(integers),
      }),
      dtype: signed ? 'i8' : 'u8',
    }
  const packed = packIntegers(integers, bits)
  if (opset >= (bits === 4 ? 21 : 25)) {
    const dtype = `${signed ? 'i' : 'u'}${bits}` as DType
    return { id: to.constant({ dtype, shape, data: packed }), dtype }
  }
  const bytes = to.constant({ dtype: 'u8', shape: [packed.length], data: packed })
  const index = to.node('Cast', [bytes], { dtype: 'i32', shape: [packed.length] }, { to: typeOf('i32') })
  const table = to.constant(unpackTable(bits, signed), `table${bits}${signed}`)
  let rows = to.node('Gather', [table, index], { dtype: 'i8', shape: [packed.length, 8 / bits] })
  const padded = (packed.length * 8) / bits
  if (padded !== sizeOf(shape)) {
    const flat = to.node('Reshape', [rows, to.constant(ints([padded]))], { dtype: 'i8', shape: [padded] })
    const keep = to.constant({
      dtype: 'i32',
      shape: [sizeOf(shape)],
      data: Int32Array.from({ length: sizeOf(shape) }, (_, i) => i),
    })
    rows =
      opset >= 10
        ? to.node('Slice', [flat, to.constant(ints([0]), 'zero'), to.constant(ints([sizeOf(shape)]))], {
            dtype: 'i8',
            shape: [sizeOf(shape)],
          })
        : to.node('Gather', [flat, keep], { dtype: 'i8', shape: [sizeOf(shape)] })
    if (opset >= 10) to.values.delete(keep)
  }
  return {
    id: to.node('Reshape', [rows, to.constant(ints(shape), `shape${shape}`)], { dtype: 'i8', shape }),
    dtype: 'i8',
  }
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
  const scale = to.constant({ dtype: 'f32', shape: per, data: grid.scale })
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
  const scale = to.constant({ dtype: 'f32', shape: grid.axis === null ? [] : [grid.scale.length], data: grid.scale })
  to.node(
    inDomain('DequantizeLinear', grid, opset),
    [id, scale],
    { dtype: 'f32', shape },
    grid.axis === null ? {} : { axis: grid.axis },
    value.id,
  )
}
