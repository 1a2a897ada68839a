import { MixbitError } from './error.ts'

/**
 * Element types. `f16`/`bf16` are held as raw bits in a Uint16Array; `i4 u4 i2 u2` are packed into a Uint8Array, low
 * bits first; `bool` is a Uint8Array of 0 and 1; `string` an array of strings.
 */
export type DType =
  | 'f32'
  | 'f16'
  | 'bf16'
  | 'f64'
  | 'i8'
  | 'u8'
  | 'i16'
  | 'u16'
  | 'i32'
  | 'u32'
  | 'i64'
  | 'u64'
  | 'i4'
  | 'u4'
  | 'i2'
  | 'u2'
  | 'bool'
  | 'string'

export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | readonly string[]

/** A dense tensor, row-major. `data` holds exactly the elements (packed types: `ceil(elements * bits / 8)` bytes). */
export interface Tensor {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly data: TensorData
}

/** Tensors by value id: what a session is fed and what it returns. */
export type Tensors = ReadonlyMap<string, Tensor>

const bits: Readonly<Record<DType, number>> = {
  f32: 32,
  f16: 16,
  bf16: 16,
  f64: 64,
  i8: 8,
  u8: 8,
  i16: 16,
  u16: 16,
  i32: 32,
  u32: 32,
  i64: 64,
  u64: 64,
  i4: 4,
  u4: 4,
  i2: 2,
  u2: 2,
  bool: 8,
  string: 0,
}

/** Bits of one element; 0 for `string`, whose elements have no fixed size. */
export const bitsOf = (dtype: DType): number => bits[dtype]

/** Number of elements of a shape; 1 for a scalar. */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1)

/** A float32 tensor. @throws MixbitError `TENSOR_SIZE` when data and shape do not agree. */
export function f32(data: Float32Array | readonly number[], shape: readonly number[]): Tensor {
  const values = data instanceof Float32Array ? data : Float32Array.from(data)
  if (values.length !== sizeOf(shape))
    throw new MixbitError(
      'TENSOR_SIZE',
      `A tensor of shape [${shape}] has ${sizeOf(shape)} elements, but ${values.length} were given.`,
      {
        hint: 'Give as many numbers as the shape holds.',
        context: { shape, length: values.length },
      },
    )
  return { dtype: 'f32', shape, data: values }
}
