import type { Attr, Graph, Grid, Node, NodeId, Recurrence, Value, ValueId, Window } from './graph.ts'
import { writeName, writeWord } from './lex.ts'
import { sizeOf, type Tensor } from './tensor.ts'

export interface PrintOptions {
  /** Print at most so many elements of a constant (and of a grid's scales). What is cut short cannot be parsed. Default: all. */
  readonly maxElements?: number
}

/** One printed line and what it is about, for messages that point at it. */
export interface PrintedLine {
  readonly text: string
  readonly node?: number
  readonly value?: ValueId
}

/**
 * The graph as text. Everything but `meta` is in it: `parseGraph` gives an equal graph, and printing that gives the same
 * text. The grammar stands on top of `text.ts`.
 */
export const printGraph = (graph: Graph, options: PrintOptions = {}): string =>
  printLines(graph, options)
    .map((line) => line.text)
    .join('\n')

/** The lines of `printGraph`, each with its node or value. */
export function printLines(graph: Graph, { maxElements = Infinity }: PrintOptions = {}): PrintedLine[] {
  const made = new Set(graph.nodes.flatMap((node) => node.outputs))
  const inputs = new Set(graph.inputs)
  const aside = [...graph.values.values()].filter((v) => v.tensor || !(made.has(v.id) || inputs.has(v.id)))
  return [
    {
      text: `graph ${writeWord(graph.name)}(${graph.inputs.map((id) => declaration(graph, id, maxElements)).join(', ')}) {`,
    },
    ...aside.map((value) => ({ text: `  ${constant(graph, value, maxElements)}`, value: value.id })),
    ...graph.nodes.map((node, index) => ({ text: `  ${nodeLine(graph, node, maxElements)}`, node: index })),
    { text: `  ${['return', graph.outputs.map(ref).join(', ')].join(' ').trim()}` },
    { text: '}' },
  ]
}

const ref = (id: ValueId | null): string => (id === null ? 'null' : `%${writeName(id)}`)

function declaration(graph: Graph, id: ValueId, max: number): string {
  const value = graph.values.get(id)
  if (!value) return `${ref(id)}: ?`
  const stored = value.stored && !value.tensor ? ` stored=${gridText(value.stored, max)}` : ''
  return `${ref(id)}: ${typeText(value)}${stored}`
}

const typeText = ({ dtype, shape }: Pick<Value, 'dtype' | 'shape'>): string =>
  shape
    ? `${dtype}[${shape.map((dim) => (typeof dim === 'number' ? numberText(dim) : writeWord(dim))).join(',')}]`
    : dtype

function constant(graph: Graph, value: Value, max: number): string {
  if (!value.tensor) return declaration(graph, value.id, max)
  const stored = value.stored ? ` stored=${gridText(value.stored, max)}` : ''
  const own = typeText(value) === typeText(value.tensor) ? '' : ` ${typeText(value.tensor)}`
  return `${ref(value.id)}: ${typeText(value)}${stored} = constant${own}(${elements(value.tensor, max)})`
}

function nodeLine(graph: Graph, node: Node, max: number): string {
  const outputs = node.outputs.map((id) => (id === null ? 'null' : declaration(graph, id, max))).join(', ')
  const attrs = Object.entries(node.attrs).map(([key, attr]) => `${writeWord(key)}=${attrText(attr, max)}`)
  const weights = node.weights.map(({ input, axis }) => `${input}@${axis}`)
  const parts = [
    `${outputs || '()'} = ${node.kind} ${writeWord(node.op)}(${node.inputs.map(ref).join(', ')})`,
    attrs.length > 0 && `{${attrs.join(', ')}}`,
    weights.length > 0 && `weights=[${weights.join(', ')}]`,
    node.macs !== undefined && `macs=${numberText(node.macs)}`,
    node.bounds && `bounds=[${node.bounds.map(numberText).join(', ')}]`,
    node.window && `window=${fieldsText(node.window)}`,
    node.recurrence && `recurrence=${fieldsText(node.recurrence)}`,
    node.preserving !== undefined && `preserving=${node.preserving}`,
    node.captures && `captures=[${node.captures.map(ref).join(', ')}]`,
    node.grid && `grid=${gridText(node.grid, max)}`,
    node.id !== impliedId(node) && `#${writeName(node.id)}`,
  ]
  return parts.filter(Boolean).join(' ')
}

/** A node that says no id has that of its first output. */
export const impliedId = (node: Pick<Node, 'outputs'>): NodeId | undefined =>
  node.outputs.find((id) => id !== null) ?? undefined

/** What is null is left out. */
const fieldsText = (fields: Window | Recurrence): string =>
  `(${Object.entries(fields)
    .flatMap(([key, value]) => (value === null ? [] : [`${key}=${Array.isArray(value) ? `[${value}]` : value}`]))
    .join(', ')})`

function gridText(grid: Grid, max: number): string {
  const axis = grid.axis === null ? '' : `@${grid.axis}`
  const plain = grid.zeroPoint.length === grid.scale.length && grid.zeroPoint.every((zero) => zero === 0)
  const zeros = plain ? '' : `; ${list(grid.zeroPoint, String, max)}`
  const levels = grid.levels ? `{${Array.from(grid.levels).join(', ')}}` : ''
  return `${grid.signed ? 'i' : 'u'}${grid.bits}${levels}${axis}[${list(grid.scale, float32Text, max)}${zeros}]`
}

function attrText(attr: Attr, max: number): string {
  if (typeof attr === 'string') return JSON.stringify(attr)
  if (typeof attr === 'bigint') return `${attr}n`
  if (typeof attr === 'boolean') return String(attr)
  if (typeof attr === 'number') return numberText(attr)
  if ('float' in attr)
    return typeof attr.float === 'number' ? `${numberText(attr.float)}f` : `f[${attr.float.map(numberText).join(',')}]`
  if ('tensor' in attr) return `tensor ${typeText(attr.tensor)}(${elements(attr.tensor, max)})`
  if ('bytes' in attr) return `bytes("${list(attr.bytes, (byte) => byte.toString(16).padStart(2, '0'), max, '')}")`
  return `[${attr.map((item) => (typeof item === 'string' ? JSON.stringify(item) : numberText(item))).join(',')}]`
}

function elements({ dtype, shape, data }: Tensor, max: number): string {
  const write = writers[dtype] ?? String
  const values: ArrayLike<number | bigint | string> = data
  const first = values[0]
  const same =
    values.length > 1 &&
    values.length === sizeOf(shape) &&
    Array.prototype.every.call(values, (v) => Object.is(v, first))
  return same
    ? `splat ${write(first as never)}`
    : list(values, write as (value: number | bigint | string) => string, max)
}

function list<T>(values: ArrayLike<T>, write: (value: T) => string, max: number, separator = ', '): string {
  const shown = Array.from({ length: Math.min(values.length, max) }, (_, i) => write(values[i]!))
  return values.length > max ? [...shown, `... ${values.length} in all`].join(separator) : shown.join(separator)
}

/** Shortest exact decimal of a float64. */
function numberText(value: number): string {
  if (Object.is(value, -0)) return '-0'
  if (!Number.isFinite(value)) return String(value).replace('Infinity', 'inf').replace('NaN', 'nan')
  return value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential() : String(value)
}

/** A short decimal that reads back as the same float32. */
function float32Text(value: number): string {
  if (!Number.isFinite(value) || Object.is(value, -0)) return numberText(value)
  const digits = [6, 7, 8].find((n) => Math.fround(Number(value.toPrecision(n))) === value) ?? 9
  return numberText(Number(value.toPrecision(digits)))
}

const hex = (bits: number): string => `0x${bits.toString(16)}`

/** How the elements of a dtype are written; bit patterns (halves, packed types) in hexadecimal. */
const writers: Partial<Record<Tensor['dtype'], (value: never) => string>> = {
  f32: float32Text,
  f64: numberText,
  f16: hex,
  bf16: hex,
  i4: hex,
  u4: hex,
  i2: hex,
  u2: hex,
  string: JSON.stringify,
}
