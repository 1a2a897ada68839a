import { type DType, f32ToF16, MixbitError, type Tensor, type TensorData, toF32 } from '@mixbit/graph'

const constructors = {
  f32: Float32Array,
  f64: Float64Array,
  f16: Uint16Array,
  bf16: Uint16Array,
  i8: Int8Array,
  u8: Uint8Array,
  i16: Int16Array,
  u16: Uint16Array,
  i32: Int32Array,
  u32: Uint32Array,
  i64: BigInt64Array,
  u64: BigUint64Array,
  bool: Uint8Array,
} as const

const ranges: Partial<Record<DType, readonly [number, number]>> = {
  i8: [-128, 127],
  u8: [0, 255],
  i16: [-32768, 32767],
  u16: [0, 65535],
  i32: [-(2 ** 31), 2 ** 31 - 1],
  u32: [0, 2 ** 32 - 1],
  i64: [-(2 ** 63), 2 ** 63],
  u64: [0, 2 ** 64],
  bool: [0, 1],
}

/** Element types that inputs can have. */
export type ArrayDType = keyof typeof constructors

export const isArrayDType = (dtype: string): dtype is ArrayDType => dtype in constructors

/** Bytes of one element. */
export const bytesOf = (dtype: ArrayDType): number => constructors[dtype].BYTES_PER_ELEMENT

/** An array of `length` zeros. */
export const zeros = (dtype: ArrayDType, length: number): TensorData => new constructors[dtype](length)

/** The little-endian elements of `bytes`, copied so that they are aligned (`slice` of a Buffer does not copy). */
export function fromBytes(dtype: ArrayDType, bytes: Uint8Array): TensorData {
  return new constructors[dtype](new Uint8Array(bytes).buffer)
}

/** A view of `length` elements from `start`, without copying. */
export function view(data: TensorData, start: number, length: number): TensorData {
  return 'subarray' in data ? data.subarray(start, start + length) : data.slice(start, start + length)
}

/** Element `i` as a number. */
export function numberAt(tensor: Tensor, i: number): number {
  const value = tensor.data[i] as number | bigint
  return narrow.has(tensor.dtype)
    ? toF32({ ...tensor, shape: [], data: Uint16Array.of(Number(value)) })[0]!
    : Number(value)
}

const narrow: ReadonlySet<DType> = new Set(['f16', 'bf16'])

/** The position of the first NaN or infinity, or -1. */
export function firstNotFinite(tensor: Tensor): number {
  const { data, dtype } = tensor
  if (dtype !== 'f32' && dtype !== 'f64' && dtype !== 'f16' && dtype !== 'bf16') return -1
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(numberAt(tensor, i))) return i
  return -1
}

/**
 * The same numbers as another element type. Integers become floats and other integers when every one fits; floats become
 * integers only when they are whole.
 * @throws MixbitError `DATA_MISMATCH` naming the first number that does not fit.
 */
export function cast(tensor: Tensor, dtype: DType, what: string): Tensor {
  if (tensor.dtype === dtype) return tensor
  if (!isArrayDType(dtype) || tensor.dtype === 'string') throw mismatch(tensor.dtype, dtype, what)
  const data = zeros(dtype, tensor.data.length) as Record<number, number | bigint> & TensorData
  for (let i = 0; i < tensor.data.length; i++) data[i] = element(numberAt(tensor, i), dtype, tensor.dtype, what)
  return { dtype, shape: tensor.shape, data }
}

function element(value: number, to: ArrayDType, from: DType, what: string): number | bigint {
  if (to === 'f16') return f32ToF16(Float32Array.of(value))[0]!
  if (to === 'bf16') return new Uint32Array(Float32Array.of(value).buffer)[0]! >>> 16
  const range = ranges[to]
  if (!range) return value
  // NaN stays out of integers here; floats are checked by the caller, who knows the sample's name.
  if (!Number.isInteger(value) || value < range[0] || value > range[1]) throw mismatch(from, to, what, value)
  return to === 'i64' || to === 'u64' ? BigInt(value) : value
}

function mismatch(from: DType, to: DType, what: string, value?: number): MixbitError {
  const which = value === undefined ? '' : ` (the number ${value} does not fit)`
  return new MixbitError('DATA_MISMATCH', `${what} is ${from}, but the model wants ${to}${which}.`, {
    hint: `Give the data as ${to}.`,
    context: { from, to, value },
  })
}
