import { type Grid, MixbitError, sizeOf, type Tensor, toF32, type Value } from '@mixbit/graph'
import { joined, type WeightSpec } from '../loader/manifest.ts'
import type { Packing } from '../loader/unpack.ts'
import type { RawWeight } from '../manifest.ts'
import type { TfjsMeta } from '../meta.ts'
import { plainWeight } from '../tensor-bytes.ts'

/** How weights are stored: packed for Mixbit's loader, or so that any TF.js loads them. */
export type Storage = 'packed' | 'standard'

/** A constant as the file has it: on its grid, as it was read, or as it is. */
export function storedWeight(name: string, value: Value, meta: Pick<TfjsMeta, 'raw'>, storage: Storage): RawWeight {
  const tensor = value.tensor!
  if (value.stored) return onGrid(name, tensor, value.stored, storage)
  const raw = meta.raw.get(tensor)
  return raw ? { spec: { ...raw.spec, name }, bytes: raw.bytes } : plainWeight(name, tensor)
}

/** @throws MixbitError `TFJS_STANDARD_GRID` */
function onGrid(name: string, tensor: Tensor, grid: Grid, storage: Storage): RawWeight {
  const codes = codesOf(tensor, grid)
  const packing = packingOf(grid)
  const head: WeightSpec = { name, shape: tensor.shape, dtype: 'float32' }
  if (isStandard(grid, storage)) {
    const quantization = affine(grid, packing.low)
    return {
      spec: { ...head, quantization },
      bytes: quantization.dtype === 'uint8' ? Uint8Array.from(codes) : bytes(codes),
    }
  }
  if (storage === 'standard')
    throw new MixbitError(
      'TFJS_STANDARD_GRID',
      `Weight ${name} has a grid for each channel, and the manifest of TF.js has one scale for a whole tensor.`,
      { hint: 'Take a target platform with perChannel: false, or leave `standard` off.', context: { name } },
    )
  const zeros = packing.zero === null ? [bytes(grid.zeroPoint)] : []
  return {
    spec: { ...head, quantization: packing },
    bytes: joined([bytes(grid.scale), ...zeros, tableOf(grid), packed(codes, grid.bits)]),
  }
}

/** The manifest's own uint8 and uint16 hold one scale and one zero point. */
const isStandard = ({ bits, scale, levels }: Grid, storage: Storage): boolean =>
  scale.length === 1 && !levels && (storage === 'standard' || bits === 8 || bits === 16)

const lowOf = ({ signed, bits }: Grid): number => (signed ? -(2 ** (bits - 1)) : 0)

function packingOf(grid: Grid): Packing {
  const { bits, scale, zeroPoint } = grid
  const [first = 0] = zeroPoint
  const axis = scale.length === 1 ? null : grid.axis
  const zero = zeroPoint.every((z) => z === first) ? first : null
  return { dtype: 'mixbit', bits, axis, low: lowOf(grid), zero, ...(grid.levels && { table: true }) }
}

/** The levels of a grid as the loader looks them up, one for every code. */
function tableOf({ bits, levels }: Grid): Uint8Array {
  const table = new Int8Array(levels ? 2 ** bits : 0)
  if (levels) table.set(levels)
  return bytes(table)
}

/** weight = code * scale + min, which is exact in float64. */
const affine = ({ bits, scale, zeroPoint }: Grid, low: number) => ({
  dtype: bits <= 8 ? 'uint8' : 'uint16',
  scale: scale[0]!,
  min: (low - zeroPoint[0]!) * scale[0]!,
  original_dtype: 'float32',
})

/** Integers of a tensor on its grid, counted from the lowest, or their places among the levels. */
function codesOf(tensor: Tensor, grid: Grid): Uint16Array {
  const { scale, zeroPoint, axis, bits, levels } = grid
  const places = levels && new Map(Array.from(levels, (level, i) => [level, i]))
  const data = toF32(tensor)
  const low = lowOf(grid)
  const top = 2 ** bits - 1
  const inner = axis === null ? 1 : sizeOf(tensor.shape.slice(axis + 1))
  const codes = new Uint16Array(data.length)
  for (let i = 0; i < data.length; i++) {
    const c = scale.length === 1 ? 0 : Math.floor(i / inner) % scale.length
    const q = Math.round(data[i]! / scale[c]!) + zeroPoint[c]!
    codes[i] = places ? places.get(q)! : Math.max(0, Math.min(top, q - low))
  }
  return codes
}

/** Codes of so many bits one after the other, low bits first. */
function packed(codes: Uint16Array, bits: number): Uint8Array {
  const out = new Uint8Array(Math.ceil((codes.length * bits) / 8))
  let held = 0
  let heldBits = 0
  let at = 0
  for (let i = 0; i < codes.length; i++) {
    held |= codes[i]! << heldBits
    heldBits += bits
    while (heldBits >= 8) {
      out[at++] = held & 255
      held >>>= 8
      heldBits -= 8
    }
  }
  if (heldBits > 0) out[at] = held
  return out
}

const bytes = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength)

/** Bytes of a constant in the file: in its shard, and of its entry in the manifest (but for its name). */
export function storedBytes(tensor: Tensor, grid: Grid | null, storage: Storage): number {
  const plain = { name: '', shape: tensor.shape, dtype: 'float32' }
  const elements = sizeOf(tensor.shape)
  if (grid === null) return JSON.stringify(plain).length + 4 * elements
  const packing = packingOf(grid)
  const standard = isStandard(grid, storage)
  const entry = JSON.stringify({ ...plain, quantization: standard ? affine(grid, packing.low) : packing }).length
  if (standard) return entry + elements * (grid.bits <= 8 ? 1 : 2)
  return (
    entry +
    tableOf(grid).length +
    grid.scale.length * (packing.zero === null ? 8 : 4) +
    Math.ceil((elements * grid.bits) / 8)
  )
}
