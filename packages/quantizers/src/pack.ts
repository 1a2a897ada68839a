import { MixbitError } from '@mixbit/graph'

/** Widths that pack into whole bytes. */
export type PackedBits = 2 | 4 | 8 | 16

function check(bits: number): void {
  if (![2, 4, 8, 16].includes(bits))
    throw new MixbitError('BITS_NOT_PACKABLE', `Integers of ${bits} bits cannot be packed.`, {
      hint: 'Use 2, 4, 8 or 16 bits.',
      context: { bits },
    })
}

/**
 * Packs integers, low bits first (as ONNX stores int4 and int2); 16 bits little-endian; signed ones as two's complement. The
 * last byte is filled with zeros.
 * @throws MixbitError `BITS_NOT_PACKABLE`; `PACK_OUT_OF_RANGE` for an integer that the width cannot hold.
 */
export function packBits(q: ArrayLike<number>, bits: PackedBits, signed: boolean): Uint8Array {
  check(bits)
  const [lo, hi] = signed ? [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] : [0, 2 ** bits - 1]
  const bytes = new Uint8Array(Math.ceil((q.length * bits) / 8))
  for (let i = 0; i < q.length; i++) {
    const v = q[i]!
    if (!(v >= lo && v <= hi))
      throw new MixbitError(
        'PACK_OUT_OF_RANGE',
        `Integer ${v} at index ${i} does not fit in ${bits} bits (${lo} to ${hi}).`,
        {
          hint: 'Quantize on a grid of the same bits and sign.',
          context: { index: i, value: v, bits, signed },
        },
      )
    const byte = (i * bits) >> 3
    if (bits === 16) {
      bytes[byte] = v & 255
      bytes[byte + 1] = (v >> 8) & 255
    } else bytes[byte] = bytes[byte]! | ((v & hi255(bits)) << ((i * bits) & 7))
  }
  return bytes
}

const hi255 = (bits: number): number => 2 ** bits - 1

/**
 * The `length` integers that `packBits` packed.
 * @throws MixbitError `BITS_NOT_PACKABLE`; `TENSOR_SIZE` when there are fewer bytes than that.
 */
export function unpackBits(bytes: Uint8Array, bits: PackedBits, signed: boolean, length: number): Int32Array {
  check(bits)
  if (bytes.length < Math.ceil((length * bits) / 8))
    throw new MixbitError('TENSOR_SIZE', `${bytes.length} bytes do not hold ${length} integers of ${bits} bits.`, {
      hint: 'Give all bytes of the tensor.',
      context: { bytes: bytes.length, length, bits },
    })
  const q = new Int32Array(length)
  const unused = 32 - bits
  for (let i = 0; i < length; i++) {
    const byte = (i * bits) >> 3
    const raw = bits === 16 ? bytes[byte]! | (bytes[byte + 1]! << 8) : bytes[byte]! >> ((i * bits) & 7)
    q[i] = signed ? (raw << unused) >> unused : (raw << unused) >>> unused
  }
  return q
}
