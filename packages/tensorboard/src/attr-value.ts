import type { MessageInitShape } from '@bufbuild/protobuf'
import type { Attr, Tensor, Value } from '@mixbit/graph'
import type { AttrValueSchema } from './gen/tensorboard_pb.ts'

export type AttrValue = MessageInitShape<typeof AttrValueSchema>

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** An attribute as TensorBoard shows it; tensors by type and shape, what is encoded by its size. */
export function attrValue(attr: Attr): AttrValue {
  if (typeof attr === 'number' && !Number.isSafeInteger(attr)) return { value: { case: 'f', value: Math.fround(attr) } }
  if (typeof attr === 'number' || typeof attr === 'bigint')
    return { value: { case: 'i', value: BigInt.asIntN(64, BigInt(attr)) } }
  if (typeof attr === 'boolean') return { value: { case: 'b', value: attr } }
  if (typeof attr === 'string') return { value: { case: 's', value: bytes(attr) } }
  if (isList(attr)) return listValue(attr)
  if ('tensor' in attr) return attrValue(described(attr.tensor))
  if ('bytes' in attr) return attrValue(`${attr.bytes.length} bytes`)
  return typeof attr.float === 'number'
    ? { value: { case: 'f', value: Math.fround(attr.float) } }
    : { value: { case: 'list', value: { f: attr.float.map(Math.fround) } } }
}

// Array.isArray does not narrow readonly arrays.
const isList = (attr: Attr): attr is readonly number[] | readonly string[] => Array.isArray(attr)

const described = ({ dtype, shape }: Tensor) => `${dtype}[${shape}]`

const listValue = (list: readonly (number | string)[]): AttrValue => ({ value: { case: 'list', value: listOf(list) } })

function listOf(list: readonly (number | string)[]) {
  if (typeof list[0] === 'string') return { s: list.map((text) => bytes(String(text))) }
  return list.every(Number.isSafeInteger)
    ? { i: list.map((n) => BigInt(n)) }
    : { f: list.map((n) => Math.fround(Number(n))) }
}

/** Shapes as the attribute `_output_shapes` holds them; symbolic extents are -1. */
export const shapesValue = (shapes: readonly (Value['shape'] | undefined)[]): AttrValue => ({
  value: {
    case: 'list',
    value: {
      shape: shapes.map((shape) =>
        shape ? { dim: shape.map((n) => ({ size: typeof n === 'number' ? BigInt(n) : -1n })) } : { unknownRank: true },
      ),
    },
  },
})
