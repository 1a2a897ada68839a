import { type DType, MixbitError, sizeOf, type Tensor } from '@mixbit/graph'
import { bytesOf, fromBytes, isArrayDType } from './arrays.ts'

/** How the records of a raw binary file look. */
export interface RawFormat {
  readonly dtype?: DType
  /** One sample. */
  readonly shape?: readonly number[]
  /** Bytes before each record's data, such as a label. Default 0. */
  readonly recordSkip?: number
}

/**
 * The records of a raw little-endian file, stacked along a new axis 0: `[records, ...shape]`.
 * @throws MixbitError `DATA_FORMAT` when dtype or shape are not given, or the file is no whole number of records.
 */
export function parseRaw(bytes: Uint8Array, format: RawFormat, what: string): Tensor {
  const { dtype, shape, recordSkip = 0 } = format
  if (!dtype || !shape || !isArrayDType(dtype))
    throw new MixbitError(
      'DATA_FORMAT',
      `${what} is raw binary, so its element type and the shape of one sample must be given.`,
      {
        hint: 'Add --dtype (f32, u8, i64, u16 ...) and --shape, for example --dtype f32 --shape 1,3,32,32.',
      },
    )
  const body = sizeOf(shape) * bytesOf(dtype)
  const record = body + recordSkip
  if (bytes.length === 0 || bytes.length % record !== 0)
    throw new MixbitError(
      'DATA_FORMAT',
      `${what} has ${bytes.length} bytes, which is not a whole number of records of ${record} bytes (${dtype} [${shape}]${recordSkip ? ` after ${recordSkip} skipped` : ''}).`,
      { hint: 'Check --dtype, --shape and --record-skip.', context: { bytes: bytes.length, record, dtype, shape } },
    )
  const count = bytes.length / record
  return {
    dtype,
    shape: [count, ...shape],
    data: fromBytes(dtype, recordSkip ? withoutHeads(bytes, recordSkip, body) : bytes),
  }
}

function withoutHeads(bytes: Uint8Array, skip: number, body: number): Uint8Array {
  const count = bytes.length / (skip + body)
  const out = new Uint8Array(count * body)
  for (let i = 0; i < count; i++) out.set(bytes.subarray(i * (skip + body) + skip, (i + 1) * (skip + body)), i * body)
  return out
}
