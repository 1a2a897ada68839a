import { f16ToF32, MixbitError, sizeOf, type Tensor } from '@mixbit/graph'
import { packingOf, type WeightSpec } from './loader/manifest.ts'
import { unpack } from './loader/unpack.ts'

/** A weight as the file has it. */
export interface RawWeight {
  readonly spec: WeightSpec
  readonly bytes: Uint8Array
}

/** The tensor of a weight, in float32 where the file has it quantized. @throws MixbitError `TFJS_UNREADABLE` */
export function tensorOf({ spec, bytes }: RawWeight): Tensor {
  const { name, shape, dtype, quantization } = spec
  const packing = packingOf(spec)
  if (packing) return { dtype: 'f32', shape, data: unpack(packing, shape, bytes) }
  // Its own buffer: the bytes may lie anywhere in a shard.
  const { buffer } = new Uint8Array(bytes)
  if (quantization) {
    if (quantization.dtype === 'float16') return { dtype: 'f32', shape, data: f16ToF32(new Uint16Array(buffer)) }
    const codes = quantization.dtype === 'uint8' ? new Uint8Array(buffer) : new Uint16Array(buffer)
    const { scale = Number.NaN, min = Number.NaN } = quantization as { scale?: number; min?: number }
    if (!Number.isFinite(scale * min)) throw unreadable(name, 'is quantized without a scale and a min')
    if (dtype === 'int32')
      return { dtype: 'i32', shape, data: Int32Array.from(codes, (q) => Math.round(q * scale + min)) }
    return { dtype: 'f32', shape, data: Float32Array.from(codes, (q) => q * scale + min) }
  }
  if (dtype === 'float32') return { dtype: 'f32', shape, data: new Float32Array(buffer) }
  if (dtype === 'int32') return { dtype: 'i32', shape, data: new Int32Array(buffer) }
  if (dtype === 'bool') return { dtype: 'bool', shape, data: new Uint8Array(buffer) }
  if (dtype === 'string') return { dtype: 'string', shape, data: textsOf(bytes, sizeOf(shape)) }
  throw unreadable(name, `has the dtype ${dtype}`)
}

function textsOf(bytes: Uint8Array, count: number): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  return Array.from({ length: count }, () => {
    const start = at + 4
    at = start + view.getUint32(at, true)
    return new TextDecoder().decode(bytes.subarray(start, at))
  })
}

const unreadable = (name: string, what: string) =>
  new MixbitError('TFJS_UNREADABLE', `The model cannot be read: weight ${name} ${what}.`, {
    hint: 'Convert the model again.',
    context: { name },
  })
