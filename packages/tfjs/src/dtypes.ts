import { type DType, MixbitError, type Tensor } from '@mixbit/graph'
import type { NodeDef } from './graph-model/node-def.ts'

const names: Readonly<Record<string, DType>> = { float32: 'f32', int32: 'i32', bool: 'bool', string: 'string' }
const tfNames = new Map(Object.entries(names).map(([name, dtype]) => [dtype as DType, name]))

/** The IR's name of an element type of TF.js; undefined for complex64, which the IR does not have. */
export const dtypeOf = (name: string): DType | undefined => (Object.hasOwn(names, name) ? names[name] : undefined)

/** The name of TF.js for an element type of the IR. @throws MixbitError `FEED_MISMATCH` for those that TF.js lacks. */
export function tfName(dtype: Tensor['dtype'], what: string): string {
  const name = tfNames.get(dtype)
  if (name) return name
  throw new MixbitError('FEED_MISMATCH', `${what} is ${dtype}, which TF.js does not take.`, {
    hint: 'TF.js has f32, i32, bool and string.',
  })
}

const types: Readonly<Record<string, DType>> = {
  DT_FLOAT: 'f32',
  DT_HALF: 'f32',
  DT_DOUBLE: 'f32',
  DT_INT32: 'i32',
  DT_INT64: 'i32',
  DT_INT16: 'i32',
  DT_INT8: 'i32',
  DT_UINT8: 'i32',
  DT_BOOL: 'bool',
  DT_STRING: 'string',
}
const typeNames: Partial<Record<DType, string>> = {
  f32: 'DT_FLOAT',
  i32: 'DT_INT32',
  bool: 'DT_BOOL',
  string: 'DT_STRING',
}

/** The type of a GraphDef for an element type. */
export const typeName = (dtype: DType): string => typeNames[dtype] ?? 'DT_FLOAT'

/** The element type of an attribute that names a type, as TF.js holds it: all integers are int32. */
export const typeOf = (raw: unknown): DType | undefined => {
  const type = (raw as { type?: string } | undefined)?.type
  return type !== undefined && Object.hasOwn(types, type) ? types[type] : undefined
}

const bools = new Set(
  'Equal NotEqual Greater GreaterEqual Less LessEqual LogicalAnd LogicalOr LogicalNot LogicalXor All Any IsNan IsInf IsFinite'.split(
    ' ',
  ),
)
const ints = new Set(
  'Shape Size Rank ArgMax ArgMin Where NonMaxSuppressionV2 NonMaxSuppressionV3 NonMaxSuppressionV4'.split(' '),
)
const several: Readonly<Record<string, readonly (DType | null)[]>> = {
  NonMaxSuppressionV5: ['i32', 'f32', 'i32'],
  TopKV2: [null, 'i32'],
  Unique: [null, 'i32'],
  UniqueV2: [null, 'i32'],
}

/** Element type of one output of a node; `input` is that of its first input. */
export function dtypeOfOutput({ op, attr = {} }: NodeDef, output: number, input: DType | undefined): DType {
  const own = Object.hasOwn(several, op) ? several[op]![output] : undefined
  if (own) return own
  if (bools.has(op)) return 'bool'
  if (ints.has(op)) return 'i32'
  if (op === 'Cast') return typeOf(attr.DstT) ?? 'f32'
  return typeOf(attr.T) ?? typeOf(attr.dtype) ?? typeOf(attr.element_dtype) ?? input ?? 'f32'
}
