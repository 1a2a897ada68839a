import { zlibSync } from 'fflate'
import { crc32 } from './crc.ts'

/** A picture of at most 256 colours. */
export interface Picture {
  readonly width: number
  readonly height: number
  /** Row by row: indices into `palette`. */
  readonly pixels: Uint8Array
  /** Red, green, blue, 0 to 255. */
  readonly palette: readonly (readonly [number, number, number])[]
}

/** The picture as a PNG file: one byte a pixel, rows without a filter. Format: W3C, Portable Network Graphics. */
export function encodePng({ width, height, pixels, palette }: Picture): Uint8Array {
  const header = new Uint8Array(13)
  const view = new DataView(header.buffer)
  view.setUint32(0, width)
  view.setUint32(4, height)
  header.set([8, 3], 8)
  const rows = new Uint8Array(height * (width + 1))
  for (let y = 0; y < height; y++) rows.set(pixels.subarray(y * width, (y + 1) * width), y * (width + 1) + 1)
  return concat([
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk('IHDR', header),
    chunk('PLTE', Uint8Array.from(palette.flat())),
    chunk('IDAT', zlibSync(rows)),
    chunk('IEND', new Uint8Array()),
  ])
}

function chunk(name: string, body: Uint8Array): Uint8Array {
  const bytes = concat([new Uint8Array(4), new TextEncoder().encode(name), body, new Uint8Array(4)])
  const view = new DataView(bytes.buffer)
  view.setUint32(0, body.length)
  view.setUint32(8 + body.length, crc32(bytes.subarray(4, 8 + body.length)))
  return bytes
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
