/** The reflected table of a 32-bit cyclic redundancy check. */
const tableOf = (polynomial: number): Uint32Array =>
  Uint32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1
    return crc
  })

const checkWith = (table: Uint32Array) => (bytes: Uint8Array) => {
  let crc = 0xffffffff
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ table[(crc ^ bytes[i]!) & 255]!
  return (crc ^ 0xffffffff) >>> 0
}

/** CRC-32 of ISO 3309, as PNG uses it. */
export const crc32 = checkWith(tableOf(0xedb88320))

/** CRC-32C (Castagnoli, RFC 3720), as record files use it. */
export const crc32c = checkWith(tableOf(0x82f63b78))
