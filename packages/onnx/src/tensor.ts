import { create } from '@bufbuild/protobuf'
import { bitsOf, type DType, MixbitError, sizeOf, type Tensor, type TensorData } from '@mixbit/graph'
import {
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
  TensorProto_DataType as Type,
} from './gen/onnx_pb.ts'

const dtypes: Readonly<Record<number, DType>> = {
  [Type.FLOAT]: 'f32',
  [Type.FLOAT16]: 'f16',
  [Type.BFLOAT16]: 'bf16',
  [Type.DOUBLE]: 'f64',
  [Type.INT8]: 'i8',
  [Type.UINT8]: 'u8',
  [Type.INT16]: 'i16',
  [Type.UINT16]: 'u16',
  [Type.INT32]: 'i32',
  [Type.UINT32]: 'u32',
  [Type.INT64]: 'i64',
  [Type.UINT64]: 'u64',
  [Type.INT4]: 'i4',
  [Type.UINT4]: 'u4',
  [Type.INT2]: 'i2',
  [Type.UINT2]: 'u2',
  [Type.BOOL]: 'bool',
  [Type.STRING]: 'string',
}
const types = new Map(Object.entries(dtypes).map(([type, dtype]) => [dtype, Number(type)]))

/** The IR's name of an ONNX element type; undefined for those the IR does not have (complex, float8 ...). */
export const dtypeOf = (type: number): DType | undefined => dtypes[type]
/** The ONNX number of an element type. */
export const typeOf = (dtype: DType): number => types.get(dtype) ?? Type.UNDEFINED

const arrays: Readonly<Record<string, new (buffer: ArrayBuffer) => Exclude<TensorData, readonly string[]>>> = {
  f32: Float32Array,
  f64: Float64Array,
  i8: Int8Array,
  i16: Int16Array,
  u16: Uint16Array,
  f16: Uint16Array,
  bf16: Uint16Array,
  i32: Int32Array,
  u32: Uint32Array,
  i64: BigInt64Array,
  u64: BigUint64Array,
}

/** Little-endian bytes of a tensor; not for strings. */
export const bytesOf = (tensor: Tensor): Uint8Array => {
  const data = tensor.data as Uint8Array
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}

/** A typed array over a copy of little-endian bytes. */
export function dataFrom(bytes: Uint8Array, dtype: DType): TensorData {
  // Not slice(): Node's Buffer would give a view with the alignment of the file.
  const copy = new Uint8Array(bytes)
  const Type = arrays[dtype]
  return Type ? new Type(copy.buffer) : copy
}

/** Where the bytes of an external tensor come from; `location` as the file gives it. */
export type ExternalData = (location: string, offset: number, length: number | undefined) => Uint8Array

/**
 * A tensor of the IR, or undefined when the IR has no such element type.
 * @throws MixbitError `ONNX_UNREADABLE` when the data does not fill the shape.
 */
export function readTensor(proto: TensorProto, external: ExternalData): Tensor | undefined {
  const dtype = dtypeOf(proto.dataType)
  if (dtype === undefined || proto.segment) return undefined
  const shape = proto.dims.map(Number)
  const data = readData(proto, dtype, external)
  const expected =
    bitsOf(dtype) < 8 && dtype !== 'string' ? Math.ceil((sizeOf(shape) * bitsOf(dtype)) / 8) : sizeOf(shape)
  if (shape.some((n) => n < 0) || data.length !== expected)
    throw new MixbitError(
      'ONNX_UNREADABLE',
      `Tensor ${proto.name} has shape [${shape}] and dtype ${dtype}, but ${data.length} elements of data.`,
      {
        hint: 'The file is damaged or incomplete; export or download it again.',
        context: { name: proto.name, shape, length: data.length },
      },
    )
  return { dtype, shape, data }
}

function readData(proto: TensorProto, dtype: DType, external: ExternalData): TensorData {
  if (proto.dataLocation === TensorProto_DataLocation.EXTERNAL) {
    const entries = new Map(proto.externalData.map(({ key, value }) => [key, value]))
    const length = entries.get('length')
    return checked(
      proto,
      external(
        entries.get('location') ?? '',
        Number(entries.get('offset') ?? 0),
        length === undefined ? undefined : Number(length),
      ),
      dtype,
    )
  }
  if (dtype === 'string') return proto.stringData.map((bytes) => new TextDecoder().decode(bytes))
  if (proto.rawData.length > 0) return checked(proto, proto.rawData, dtype)
  switch (dtype) {
    case 'f32':
      return Float32Array.from(proto.floatData)
    case 'f64':
      return Float64Array.from(proto.doubleData)
    case 'i64':
      return BigInt64Array.from(proto.int64Data)
    case 'u64':
      return BigUint64Array.from(proto.uint64Data)
    case 'u32':
      return Uint32Array.from(proto.uint64Data, Number)
    case 'i32':
      return Int32Array.from(proto.int32Data)
    case 'i16':
      return Int16Array.from(proto.int32Data)
    case 'i8':
      return Int8Array.from(proto.int32Data)
    case 'u16':
    case 'f16':
    case 'bf16':
      return Uint16Array.from(proto.int32Data)
    default:
      return Uint8Array.from(proto.int32Data)
  }
}

function checked(proto: TensorProto, bytes: Uint8Array, dtype: DType): TensorData {
  const width = Math.max(1, bitsOf(dtype) / 8)
  if (bytes.length % width !== 0)
    throw new MixbitError('ONNX_UNREADABLE', `Tensor ${proto.name} has ${bytes.length} bytes of ${dtype} data.`, {
      hint: 'The file is damaged; export or download it again.',
    })
  return dataFrom(bytes, dtype)
}

/** The TensorProto of a tensor, with its data inside. */
export function writeTensor(name: string, tensor: Tensor): TensorProto {
  const head = { name, dims: tensor.shape.map(BigInt), dataType: typeOf(tensor.dtype) }
  return create(
    TensorProtoSchema,
    tensor.dtype === 'string'
      ? { ...head, stringData: (tensor.data as readonly string[]).map((text) => new TextEncoder().encode(text)) }
      : { ...head, rawData: bytesOf(tensor) },
  )
}
