import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import type { Attr } from '@mixbit/graph'
import {
  type AttributeProto,
  AttributeProtoSchema,
  type GraphProto,
  AttributeProto_AttributeType as Type,
} from './gen/onnx_pb.ts'
import { type ExternalData, readTensor, writeTensor } from './tensor.ts'

const text = new TextDecoder('utf-8', { fatal: true })

/** ints that a double cannot hold stay bigint. */
const integer = (i: bigint): number | bigint =>
  BigInt(Number(i)) === i && Number.isSafeInteger(Number(i)) ? Number(i) : i

/** An attribute as plain data; what has no plain form (subgraphs, sparse tensors ...) is kept as its own bytes. */
export function readAttribute(proto: AttributeProto, external: ExternalData): Attr {
  const bytes = () => ({ bytes: toBinary(AttributeProtoSchema, proto) })
  if (proto.refAttrName !== '') return bytes()
  switch (proto.type) {
    case Type.FLOAT:
      return { float: proto.f }
    case Type.INT:
      return integer(proto.i)
    case Type.STRING:
      return decoded(proto.s) ?? bytes()
    case Type.FLOATS:
      return { float: proto.floats }
    case Type.INTS: {
      const ints = proto.ints.map(integer)
      return ints.length > 0 && ints.every((i) => typeof i === 'number') ? ints : bytes()
    }
    case Type.STRINGS: {
      const strings = proto.strings.map(decoded)
      return strings.length > 0 && strings.every((s) => s !== undefined) ? strings : bytes()
    }
    case Type.TENSOR: {
      const tensor = proto.t && readTensor(proto.t, external)
      return tensor ? { tensor } : bytes()
    }
    default:
      return bytes()
  }
}

const decoded = (bytes: Uint8Array): string | undefined => {
  try {
    return text.decode(bytes)
  } catch {
    return undefined
  }
}

/** The inverse of `readAttribute`. */
export function writeAttribute(name: string, attr: Attr): AttributeProto {
  const make = (fields: object): AttributeProto => create(AttributeProtoSchema, { name, ...fields })
  if (typeof attr === 'number' || typeof attr === 'bigint' || typeof attr === 'boolean')
    return make({ type: Type.INT, i: BigInt(attr) })
  if (typeof attr === 'string') return make({ type: Type.STRING, s: new TextEncoder().encode(attr) })
  if ('float' in attr)
    return typeof attr.float === 'number'
      ? make({ type: Type.FLOAT, f: attr.float })
      : make({ type: Type.FLOATS, floats: [...attr.float] })
  if ('tensor' in attr) return make({ type: Type.TENSOR, t: writeTensor('', attr.tensor) })
  if ('bytes' in attr) return fromBinary(AttributeProtoSchema, attr.bytes)
  return attr.every((item) => typeof item === 'string')
    ? make({ type: Type.STRINGS, strings: attr.map((item) => new TextEncoder().encode(item)) })
    : make({ type: Type.INTS, ints: attr.map(BigInt) })
}

/** The subgraphs of an attribute that holds some. */
export const subgraphsOf = (proto: AttributeProto): GraphProto[] => [...(proto.g ? [proto.g] : []), ...proto.graphs]
