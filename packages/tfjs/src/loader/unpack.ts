/**
 * How a weight lies packed in a shard: `scales` float32 (one, or one per index of `axis`), then as many int32 zero points if
 * `zero` is null, then for a look-up table `2^bits` int8 levels, then the codes, `bits` each, low bits first.
 * weight = (q - zero) * scale in float32, with q the code plus `low`, or the level of that index.
 */
export interface Packing {
  readonly dtype: 'mixbit'
  /** 1 to 16. */
  readonly bits: number
  readonly axis: number | null
  readonly low: number
  readonly zero: number | null
  readonly table?: true
}

export const elements = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1)

/** Scales of a packed weight. */
const scalesOf = ({ axis }: Packing, shape: readonly number[]): number => (axis === null ? 1 : shape[axis]!)

/** Bytes of a packed weight before its codes. */
const headBytes = (packing: Packing, shape: readonly number[]): number =>
  scalesOf(packing, shape) * (packing.zero === null ? 8 : 4) + (packing.table ? 2 ** packing.bits : 0)

/** Bytes of a packed weight. */
export const packedBytes = (packing: Packing, shape: readonly number[]): number =>
  headBytes(packing, shape) + Math.ceil((elements(shape) * packing.bits) / 8)

/** The float32 weights of a packed one. */
export function unpack(packing: Packing, shape: readonly number[], packed: Uint8Array): Float32Array {
  const { bits, axis, low, zero, table } = packing
  const count = scalesOf(packing, shape)
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength)
  const scale = new Float32Array(count)
  const zeros = new Int32Array(count)
  for (let c = 0; c < count; c++) {
    scale[c] = view.getFloat32(4 * c, true)
    zeros[c] = zero ?? view.getInt32(4 * (count + c), true)
  }
  let at = headBytes(packing, shape)
  const mask = 2 ** bits - 1
  const levels = Int32Array.from({ length: mask + 1 }, (_, i) => (table ? view.getInt8(at - mask - 1 + i) : low + i))
  const inner = axis === null ? 1 : elements(shape.slice(axis + 1))
  const out = new Float32Array(elements(shape))
  let held = 0
  let heldBits = 0
  let c = 0
  let k = 0
  for (let i = 0; i < out.length; i++) {
    while (heldBits < bits) {
      held |= packed[at++]! << heldBits
      heldBits += 8
    }
    out[i] = (levels[held & mask]! - zeros[c]!) * scale[c]!
    held >>>= bits
    heldBits -= bits
    if (++k === inner) {
      k = 0
      if (++c === count) c = 0
    }
  }
  return out
}
