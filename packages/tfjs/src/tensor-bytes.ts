import type { Tensor } from '@mixbit/graph'
import { tfName } from './dtypes.ts'
import { joined, packingOf, type WeightSpec } from './loader/manifest.ts'
import { type RawWeight, tensorOf } from './manifest.ts'

/** Little-endian bytes of a tensor as a manifest has them; strings with their length before them. */
export function bytesOf({ data }: Tensor): Uint8Array {
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  const texts = (data as readonly string[]).map((text) => new TextEncoder().encode(text))
  return joined(texts.flatMap((text) => [new Uint8Array(Uint32Array.of(text.length).buffer), text]))
}

/** A tensor as it is, under a name. */
export const plainWeight = (name: string, tensor: Tensor): RawWeight => ({
  spec: { name, shape: tensor.shape, dtype: tfName(tensor.dtype, `The constant ${name}`) } satisfies WeightSpec,
  bytes: bytesOf(tensor),
})

/** A weight that TF.js decodes without help. */
export const unpacked = (raw: RawWeight): RawWeight =>
  packingOf(raw.spec) ? plainWeight(raw.spec.name, tensorOf(raw)) : raw
