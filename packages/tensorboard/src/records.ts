import { crc32c } from './crc.ts'

/**
 * Records one after the other, as TFRecord files hold them: length (64 bits), its check, the record, its check.
 * Format: tensorflow/core/lib/io/record_writer.h.
 */
export function frameRecords(records: readonly Uint8Array[]): Uint8Array {
  const file = new Uint8Array(records.reduce((sum, { length }) => sum + length + 16, 0))
  const view = new DataView(file.buffer)
  let at = 0
  for (const record of records) {
    view.setBigUint64(at, BigInt(record.length), true)
    view.setUint32(at + 8, masked(file.subarray(at, at + 8)), true)
    file.set(record, at + 12)
    view.setUint32(at + 12 + record.length, masked(record), true)
    at += 16 + record.length
  }
  return file
}

/** Rotated and offset, because the check of a string that holds its own check says nothing. */
function masked(bytes: Uint8Array): number {
  const crc = crc32c(bytes)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}
