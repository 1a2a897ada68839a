import type { Attr, DType } from '@mixbit/graph'
import { subgraphsOf } from './attribute.ts'
import type { NodeProto } from './gen/onnx_pb.ts'
import { dtypeOf } from './tensor.ts'

const bools = new Set([
  'Equal',
  'Greater',
  'GreaterOrEqual',
  'Less',
  'LessOrEqual',
  'And',
  'Or',
  'Not',
  'Xor',
  'IsNaN',
  'IsInf',
])
const ints = new Set(['Shape', 'Size', 'ArgMax', 'ArgMin', 'NonZero', 'NonMaxSuppression'])

/** Element types of a node's outputs, from those of its inputs; an unknown one counts as the first input's. */
export function dtypesOfOutputs(
  op: string,
  node: NodeProto,
  inputs: readonly (DType | undefined)[],
  attrs: Readonly<Record<string, Attr>>,
): (DType | undefined)[] {
  if (bools.has(op)) return ['bool']
  if (ints.has(op)) return ['i64']
  const first = inputs[0]
  switch (op) {
    case 'Cast':
      return [dtypeOf(Number(attrs.to))]
    case 'TopK':
      return [first, 'i64']
    case 'MaxPool':
      return [first, 'i64']
    case 'Where':
      return [inputs[1] ?? inputs[2]]
    case 'OneHot':
      return [inputs[2]]
    case 'RandomNormal':
    case 'RandomUniform':
    case 'EyeLike':
      return [typeof attrs.dtype === 'number' ? dtypeOf(attrs.dtype) : 'f32']
    case 'ConstantOfShape':
      return [typeof attrs.value === 'object' && 'tensor' in attrs.value ? attrs.value.tensor.dtype : 'f32']
    case 'DequantizeLinear':
      return [inputs[1]]
    case 'QuantizeLinear':
      return [inputs[2] ?? 'u8']
    case 'Dropout':
      return [first, 'bool']
    case 'Unique':
      return [first, 'i64', 'i64', 'i64']
    case 'QLinearConv':
    case 'QLinearMatMul':
      return [inputs[7] ?? first]
    case 'ConvInteger':
    case 'MatMulInteger':
      return ['i32']
    case 'If':
    case 'Loop':
    case 'Scan': {
      const [body] = node.attribute.flatMap(subgraphsOf)
      const skip = op === 'Loop' ? 1 : 0
      return (body?.output ?? [])
        .slice(skip)
        .map(({ type }) => (type?.value.case === 'tensorType' ? dtypeOf(type.value.value.elemType) : undefined))
    }
    default:
      return node.output.map(() => first)
  }
}
