import { MixbitError } from './error.ts'
import type { Tensor } from './tensor.ts'

/** Widens IEEE 754 binary16 bit patterns to float32. Exact; subnormals, infinities and NaN included. */
export function f16ToF32(bits: Uint16Array): Float32Array {
  const out = new Float32Array(bits.length)
  for (let i = 0; i < bits.length; i++) out[i] = widen(bits[i]!)
  return out
}

function widen(half: number): number {
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >> 10) & 0x1f
  const fraction = half & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** Narrows float32 to binary16 bit patterns: round half to even, gradual underflow, overflow to infinity, NaN to 0x7e00. */
export function f32ToF16(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer.slice(values.byteOffset, values.byteOffset + values.byteLength))
  const out = new Uint16Array(values.length)
  for (let i = 0; i < words.length; i++) out[i] = narrow(words[i]!)
  return out
}

function narrow(word: number): number {
  const sign = (word >>> 16) & 0x8000
  const magnitude = word & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00
  // 65520 is the tie between the largest finite half and the next step, which is infinity; 2^-25 the tie next to zero.
  if (magnitude >= 0x477ff000) return sign | 0x7c00
  if (magnitude <= 0x33000000) return sign
  const exponent = magnitude >>> 23
  const shift = exponent < 113 ? 126 - exponent : 13
  const bits = exponent < 113 ? (magnitude & 0x7fffff) | 0x800000 : magnitude - (112 << 23)
  return sign | roundShift(bits, shift)
}

/** bits / 2^shift, half to even. A carry out of the fraction rightly lands in the exponent. */
function roundShift(bits: number, shift: number): number {
  const floor = bits >>> shift
  const rest = bits & ((1 << shift) - 1)
  const half = 1 << (shift - 1)
  return rest > half || (rest === half && floor & 1) ? floor + 1 : floor
}

/**
 * The elements of a floating-point tensor (f32, f16, bf16, f64) as float32. The data of an f32 tensor is returned itself,
 * not copied. @throws MixbitError `TENSOR_DTYPE` for any other dtype.
 */
export function toF32(tensor: Tensor): Float32Array {
  if (tensor.dtype === 'f32') return tensor.data as Float32Array
  if (tensor.dtype === 'f16') return f16ToF32(tensor.data as Uint16Array)
  if (tensor.dtype === 'f64') return Float32Array.from(tensor.data as Float64Array)
  if (tensor.dtype === 'bf16')
    return new Float32Array(Uint32Array.from(tensor.data as Uint16Array, (bits) => bits << 16).buffer)
  throw new MixbitError('TENSOR_DTYPE', `A tensor of dtype ${tensor.dtype} has no float32 values.`, {
    hint: 'Convert only f32, f16, bf16 and f64 tensors.',
    context: { dtype: tensor.dtype, shape: tensor.shape },
  })
}
