import { MixbitError, sizeOf, type Tensor, type TensorData } from '@mixbit/graph'
import { type ArrayDType, bytesOf, fromBytes, zeros } from './arrays.ts'

const dtypes: Readonly<Record<string, ArrayDType>> = {
  f2: 'f16',
  f4: 'f32',
  f8: 'f64',
  i1: 'i8',
  u1: 'u8',
  i2: 'i16',
  u2: 'u16',
  i4: 'i32',
  u4: 'u32',
  i8: 'i64',
  u8: 'u64',
  b1: 'bool',
}

/**
 * One `.npy` file (format 1 to 3, C or Fortran order, either byte order).
 * Format: numpy.lib.format, "Format Specification".
 * @throws MixbitError `DATA_FORMAT` when it is no such file, is cut short, or holds another element type.
 */
export function parseNpy(bytes: Uint8Array, what: string): Tensor {
  const { text, start } = header(bytes, what)
  const descr = /'descr'\s*:\s*'([<>|=])(\w+)'/.exec(text)
  const shapeText = /'shape'\s*:\s*\(([^)]*)\)/.exec(text)
  const dtype = descr && dtypes[descr[2]!]
  if (!dtype || !shapeText) throw bad(what, `has a header that cannot be used: ${text.trim()}`)
  const shape = shapeText[1]!
    .split(',')
    .filter((part) => part.trim())
    .map(Number)
  const size = sizeOf(shape) * bytesOf(dtype)
  if (bytes.length - start < size)
    throw bad(what, `is cut short: ${size} bytes of data expected, ${bytes.length - start} found`)
  const body = new Uint8Array(bytes.subarray(start, start + size))
  if (descr[1] === '>') swap(body, bytesOf(dtype))
  const data = fromBytes(dtype, body)
  const fortran = /'fortran_order'\s*:\s*True/.test(text)
  return { dtype, shape, data: fortran ? rowMajor(data, dtype, shape) : data }
}

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]

function header(bytes: Uint8Array, what: string): { text: string; start: number } {
  if (bytes.length < 12 || magic.some((byte, i) => bytes[i] !== byte)) throw bad(what, 'is not a .npy file')
  const counts = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const first = bytes[6] === 1
  const start = first ? 10 + counts.getUint16(8, true) : 12 + counts.getUint32(8, true)
  if (start > bytes.length) throw bad(what, 'is cut short inside its header')
  return { text: new TextDecoder().decode(bytes.subarray(first ? 10 : 12, start)), start }
}

function swap(bytes: Uint8Array, width: number): void {
  for (let at = 0; at < bytes.length; at += width) bytes.subarray(at, at + width).reverse()
}

/** Fortran order keeps the first axis contiguous: read it with reversed strides. */
function rowMajor(data: TensorData, dtype: ArrayDType, shape: readonly number[]): TensorData {
  const out = zeros(dtype, data.length) as Record<number, unknown> & TensorData
  const strides = shape.map((_, axis) => sizeOf(shape.slice(0, axis)))
  for (let i = 0; i < data.length; i++) {
    let rest = i
    let from = 0
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += (rest % shape[axis]!) * strides[axis]!
      rest = Math.floor(rest / shape[axis]!)
    }
    out[i] = data[from]!
  }
  return out
}

/**
 * A tensor as a `.npy` file, format 1.0, C order, little-endian.
 * @throws MixbitError `DATA_MISMATCH` for an element type that NumPy does not have.
 */
export function encodeNpy({ dtype, shape, data }: Tensor): Uint8Array {
  const code = Object.keys(dtypes).find((key) => dtypes[key] === dtype)
  if (!code || !ArrayBuffer.isView(data))
    throw new MixbitError('DATA_MISMATCH', `A .npy file cannot hold ${dtype}.`, { hint: 'Convert it to f32.' })
  const extents = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const order = code.endsWith('1') ? '|' : '<'
  const text = `{'descr': '${order}${code}', 'fortran_order': False, 'shape': (${extents}), }`
  // The data begins at a multiple of 64 bytes; ten bytes stand before the text and a line feed ends it.
  const start = Math.ceil((text.length + 11) / 64) * 64
  const file = new Uint8Array(start + data.byteLength)
  file.set([...magic, 1, 0, (start - 10) & 255, (start - 10) >> 8])
  file.set(new TextEncoder().encode(`${text.padEnd(start - 11)}\n`), 10)
  file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), start)
  return file
}

function bad(what: string, why: string): MixbitError {
  return new MixbitError('DATA_FORMAT', `${what} ${why}.`, {
    hint: 'Save the array with numpy.save, as a number type of 8 to 64 bits.',
    context: { file: what },
  })
}
