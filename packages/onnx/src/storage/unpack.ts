import { type Grid, sizeOf, type Tensor, type ValueId } from '@mixbit/graph'
import type { Builder } from '../builder.ts'
import { typeOf } from '../tensor.ts'
import { codeGroup, codesOf, codeTable, packCodes } from './pack.ts'

const ints = (dtype: 'i32' | 'i64', values: readonly number[], shape = [values.length]): Tensor =>
  dtype === 'i64'
    ? { dtype, shape, data: BigInt64Array.from(values.map(BigInt)) }
    : { dtype, shape, data: Int32Array.from(values) }

/**
 * Integers of 1 to 7 bits as packed bytes and nodes of standard operators that unpack them: the bytes give codes, and a table
 * of levels gives the integers of the codes (int8). All of it folds away when the model loads. 1, 2 and 4 bits: one Gather
 * gives all codes of a byte. Other widths: so many bytes as end together with a code are one number, and its digits
 * in base 2^bits are the codes.
 */
export function unpackedIntegers(to: Builder, tensor: Tensor, grid: Grid, opset: number): ValueId {
  const { shape } = tensor
  const codes = packCodes(codesOf(tensor, grid), grid.bits)
  const bytes = to.constant({ dtype: 'u8', shape: [codes.length], data: codes })
  const rows =
    grid.bits === 1 || grid.bits === 2 || grid.bits === 4 ? byTable(to, bytes, grid) : byDigits(to, bytes, grid, opset)
  const trimmed = trim(to, rows, sizeOf(shape), (codes.length * 8) / grid.bits, opset)
  const shaped = to.constant(ints('i64', shape), `shape${shape}`)
  return to.node('Reshape', [trimmed, shaped], { dtype: 'i8', shape })
}

/** [bytes, codes per byte]: for plain integers straight from a table of 256 rows, else through a second table of levels. */
function byTable(to: Builder, bytes: ValueId, { bits, levels, signed }: Grid): ValueId {
  const index = to.node('Cast', [bytes], { dtype: 'i32' }, { to: typeOf('i32') })
  const table = to.constant(codeTable(bits, !levels && signed), `codes${bits}${!levels && signed}`)
  const codes = to.node('Gather', [table, index], { dtype: 'i8' })
  return levels ? byLevel(to, to.node('Cast', [codes], { dtype: 'i32' }, { to: typeOf('i32') }), levels) : codes
}

const byLevel = (to: Builder, codes: ValueId, levels: Int8Array): ValueId =>
  to.node('Gather', [to.constant({ dtype: 'i8', shape: [levels.length], data: levels }, `levels${levels}`), codes], {
    dtype: 'i8',
  })

/** [groups of bytes, codes per group] by integer arithmetic: divide by the powers of 2^bits, take the remainder. */
function byDigits(to: Builder, bytes: ValueId, grid: Grid, opset: number): ValueId {
  const { bits, levels } = grid
  const group = codeGroup(bits)
  const dtype = group.bytes > 3 ? 'i64' : 'i32'
  const like = { dtype } as const
  const at = (op: string, x: ValueId, values: readonly number[], shape?: number[]) =>
    to.node(op, [x, to.constant(ints(dtype, values, shape), `${op}${dtype}${values}`)], like)
  const wide = to.node('Cast', [bytes], like, { to: typeOf(dtype) })
  const places = Array.from({ length: group.bytes }, (_, i) => 256 ** i)
  const grouped = to.node('Reshape', [wide, to.constant(ints('i64', [-1, group.bytes]), `groups${group.bytes}`)], like)
  // Integers have a MatMul from opset 9 on.
  const numbers =
    opset >= 9
      ? at('MatMul', grouped, places, [group.bytes, 1])
      : to.node('ReduceSum', [at('Mul', grouped, places)], like, { axes: [1] })
  const shifted = at(
    'Div',
    numbers,
    Array.from({ length: group.codes }, (_, i) => 2 ** (bits * i)),
  )
  const codes =
    opset >= 10
      ? at('Mod', shifted, [2 ** bits])
      : to.node('Sub', [shifted, at('Mul', at('Div', shifted, [2 ** bits]), [2 ** bits])], like)
  return byLevel(to, codes, levels ?? Int8Array.from({ length: 2 ** bits }, (_, i) => plainInteger(i, grid)))
}

/** Two's complement of a code. */
const plainInteger = (code: number, { bits, signed }: Grid): number =>
  signed && code >= 2 ** (bits - 1) ? code - 2 ** bits : code

/** The first `size` of `padded` integers, as one axis where some are left out. */
function trim(to: Builder, rows: ValueId, size: number, padded: number, opset: number): ValueId {
  if (padded === size) return rows
  const like = { dtype: 'i8' as const, shape: [size] }
  const flat = to.node('Reshape', [rows, to.constant(ints('i64', [-1]), 'flat')], { dtype: 'i8', shape: [padded] })
  if (opset >= 10)
    return to.node('Slice', [flat, to.constant(ints('i64', [0]), 'zero'), to.constant(ints('i64', [size]))], like)
  return to.node('Slice', [flat], like, { starts: [0], ends: [size] })
}
