import type { Attr, Dim, Graph, Grid, Node, Recurrence, Value, ValueId, Window } from './graph.ts'
import { lex, refuse, type Token } from './lex.ts'
import { impliedId } from './print.ts'
import { impliedWeights, isKind, shorthand } from './shorthand.ts'
import { bitsOf, type DType, sizeOf, type Tensor, type TensorData } from './tensor.ts'

/**
 * Reads the text form (grammar: `text.ts`). Only syntax is checked: `verify` says whether the graph makes sense.
 * `meta` is empty. @throws MixbitError `TEXT_SYNTAX` with line and column in its message and context.
 */
export function parseGraph(text: string): Graph {
  const reader = readerOf(text)
  reader.expectWord('graph')
  const name = reader.name('a graph name')
  const values = new Map<ValueId, Value>()
  const inputs = reader.list('(', ')', () => declare(reader, values))
  const nodes: Node[] = []
  reader.expect('{')
  while (!reader.isWord('return')) statement(reader, values, nodes)
  reader.next()
  const outputs = reader.peek().type === 'value' ? reader.sequence(() => reader.value()) : []
  reader.expect('}')
  if (reader.peek().type !== 'end') reader.fail('the end')
  return { name, inputs, outputs, nodes, values, meta: {} }
}

type Reader = ReturnType<typeof readerOf>

function readerOf(text: string) {
  let ahead = lex(text, 0)
  const peek = (): Token => ahead.token
  const next = (): Token => {
    const { token, end } = ahead
    ahead = lex(text, end)
    return token
  }
  const fail = (wanted: string, token = peek()): never =>
    token.text === '...'
      ? refuse(text, token.offset, 'the text was cut short here.', 'Print the graph without maxElements.')
      : refuse(text, token.offset, `expected ${wanted}, but found '${token.text}'.`)
  const is = (mark: string) => peek().type === 'mark' && peek().text === mark
  const isWord = (word: string) => peek().type === 'word' && peek().text === word
  const accept = (mark: string) => is(mark) && next()
  const acceptWord = (word: string) => isWord(word) && next()
  const expect = (mark: string) => (is(mark) ? next() : fail(`'${mark}'`))
  const after = <T>(mark: string, read: () => T): T => {
    expect(mark)
    return read()
  }
  const expectWord = (word: string) => (isWord(word) ? next() : fail(`'${word}'`))
  const take = (type: Token['type'], wanted: string) => (peek().type === type ? next().text : fail(wanted))
  const name = (wanted: string) => (peek().type === 'string' ? next().text : take('word', wanted))
  const value = (): ValueId => take('value', 'a value such as %x')
  const number = () => toNumber(take('number', 'a number'))
  const sequence = <T>(item: () => T): T[] => {
    const items = [item()]
    while (accept(',')) items.push(item())
    return items
  }
  const list = <T>(open: string, close: string, item: () => T): T[] => {
    expect(open)
    const items = is(close) ? [] : sequence(item)
    expect(close)
    return items
  }
  return {
    text,
    peek,
    next,
    fail,
    is,
    isWord,
    accept,
    acceptWord,
    expect,
    after,
    expectWord,
    take,
    name,
    value,
    number,
    sequence,
    list,
  }
}

const toNumber = (text: string): number => {
  const sign = text.startsWith('-') ? -1 : 1
  const digits = sign < 0 ? text.slice(1) : text
  if (digits.startsWith('0x')) return sign * Number(digits)
  const plain = digits.replace(/[fn]$/, '')
  if (digits.startsWith('inf')) return sign * Infinity
  return digits.startsWith('nan') ? NaN : sign * Number(plain)
}

/** `%id: type stored=grid`; gives the id and enters the value. */
function declare(reader: Reader, values: Map<ValueId, Value>): ValueId {
  const id = reader.value()
  if (reader.accept(':') && reader.accept('?')) return id
  const type = reader.peek().type === 'word' && !reader.isWord('stored') ? readType(reader) : { dtype: 'f32' as const }
  const stored = reader.acceptWord('stored') && reader.expect('=') ? { stored: readGrid(reader) } : {}
  values.set(id, { ...values.get(id), id, ...type, ...stored })
  return id
}

const isDType = (word: string): word is DType => typeof bitsOf(word as DType) === 'number'

function readType(reader: Reader): { dtype: DType; shape?: Dim[] } {
  const token = reader.peek()
  const dtype = reader.take('word', 'a dtype') as DType
  if (!isDType(dtype)) reader.fail('a dtype such as f32', token)
  const dim = () => (reader.peek().type === 'number' ? reader.number() : reader.name('a dimension'))
  return reader.is('[') ? { dtype, shape: reader.list('[', ']', dim) } : { dtype }
}

function statement(reader: Reader, values: Map<ValueId, Value>, nodes: Node[]): void {
  if (reader.peek().type === 'end') reader.fail("a value, or 'return'")
  const first = reader.peek().text
  const outputs = reader.accept('(')
    ? reader.after(')', () => [])
    : reader.sequence(() => (reader.acceptWord('null') ? null : declare(reader, values)))
  if (outputs.length === 1 && !reader.is('=') && reader.peek().type !== 'mark') return // a bare declaration
  reader.expect('=')
  if (reader.isWord('constant') && outputs.length === 1 && outputs[0] !== null && values.has(first)) {
    const constant = readConstant(reader, values.get(first)!)
    if (constant) return void values.set(first, constant)
    return void nodes.push(readNode(reader, outputs, values, 'constant'))
  }
  nodes.push(readNode(reader, outputs, values))
}

/** Undefined when it turns out to be a node of kind `constant`: `constant Constant() {...}`. */
function readConstant(reader: Reader, value: Value): Value | undefined {
  reader.next()
  const typed = reader.peek().type === 'word' && isDType(reader.peek().text)
  if (!typed && !reader.is('(')) return undefined
  const { dtype, shape } = typed ? readType(reader) : value
  const open = reader.peek()
  reader.expect('(')
  if (!shape) return reader.fail('a shape before the elements', open)
  return { ...value, tensor: readElements(reader, dtype, shape) }
}

/** The elements up to the closing parenthesis, which is taken too. */
function readElements(reader: Reader, dtype: DType, dims: readonly Dim[]): Tensor {
  const shape = dims.map((dim) => (typeof dim === 'number' ? dim : reader.fail('a known shape for the elements')))
  const element = () => (dtype === 'string' ? reader.take('string', 'a string') : reader.take('number', 'a number'))
  if (reader.acceptWord('splat')) {
    const one = element()
    reader.expect(')')
    return { dtype, shape, data: dataOf(dtype, Array(sizeOf(shape)).fill(one)) }
  }
  const items = reader.is(')') ? [] : reader.sequence(element)
  reader.expect(')')
  return { dtype, shape, data: dataOf(dtype, items) }
}

const arrays = {
  f32: Float32Array,
  f64: Float64Array,
  f16: Uint16Array,
  bf16: Uint16Array,
  i8: Int8Array,
  u8: Uint8Array,
  i16: Int16Array,
  u16: Uint16Array,
  i32: Int32Array,
  u32: Uint32Array,
  i4: Uint8Array,
  u4: Uint8Array,
  i2: Uint8Array,
  u2: Uint8Array,
  bool: Uint8Array,
} as const

function dataOf(dtype: DType, items: string[]): TensorData {
  if (dtype === 'string') return items
  if (dtype === 'i64') return BigInt64Array.from(items, BigInt)
  if (dtype === 'u64') return BigUint64Array.from(items, BigInt)
  return arrays[dtype].from(items.map(toNumber))
}

function readGrid(reader: Reader): Grid {
  const token = reader.peek()
  const [, sign, bits] =
    /^([iu])(\d+)$/.exec(reader.take('word', 'a grid')) ?? reader.fail('a grid such as i8[0.1]', token)
  const levels = reader.is('{') ? { levels: Int8Array.from(reader.list('{', '}', reader.number)) } : {}
  const axis = reader.accept('@') ? reader.number() : null
  reader.expect('[')
  const scale = Float32Array.from(reader.peek().type === 'number' ? reader.sequence(reader.number) : [])
  const given = reader.accept(';') && (reader.peek().type === 'number' ? reader.sequence(reader.number) : [])
  reader.expect(']')
  return {
    bits: Number(bits),
    signed: sign === 'i',
    axis,
    scale,
    zeroPoint: given ? Int32Array.from(given) : new Int32Array(scale.length),
    ...levels,
  }
}

function readNode(reader: Reader, outputs: (ValueId | null)[], values: Map<ValueId, Value>, read?: string): Node {
  const first = reader.peek()
  const word = read ?? reader.name('an operator')
  const op = reader.is('(') ? undefined : reader.name('an operator')
  if (op !== undefined && !isKind(word)) reader.fail('a kind', first)
  const inputs = reader.list('(', ')', () => (reader.acceptWord('null') ? null : reader.value()))
  const named = op !== undefined && isKind(word) ? { kind: word, op } : shorthand(word)
  const attrs = reader.is('{') ? Object.fromEntries(reader.list('{', '}', () => readAttr(reader))) : {}
  const weights = op === undefined ? impliedWeights(named.kind, inputs, attrs, values) : []
  const node = { ...named, inputs, outputs, attrs, weights, ...readExtras(reader) }
  const id =
    reader.peek().type === 'node' ? reader.next().text : (impliedId(node) ?? reader.fail('a node id such as #n'))
  return { id, ...node }
}

function readExtras(reader: Reader): Partial<Node> {
  const extras: { -readonly [K in keyof Node]?: Node[K] } = {}
  for (;;) {
    const token = reader.peek()
    const extra =
      token.type === 'word' && Object.hasOwn(extraReaders, token.text) ? extraReaders[token.text] : undefined
    if (!extra || token.text in extras) return extras
    reader.next()
    Object.assign(extras, extra(reader))
  }
}

const extraReaders: Readonly<Record<string, (reader: Reader) => Partial<Node>>> = {
  weights: (reader) => {
    reader.expect('=')
    const weight = () => ({ input: reader.number(), axis: reader.after('@', reader.number) })
    return { weights: reader.list('[', ']', weight) }
  },
  macs: (reader) => ({ macs: reader.after('=', reader.number) }),
  bounds: (reader) => {
    const [low = Number.NaN, high = Number.NaN] = reader.after('=', () => reader.list('[', ']', reader.number))
    return { bounds: [low, high] }
  },
  preserving: (reader) => ({ preserving: !reader.accept('=') || readBoolean(reader) }),
  captures: (reader) => ({ captures: reader.after('=', () => reader.list('[', ']', reader.value)) }),
  window: (reader) => ({ window: reader.after('=', () => readWindow(reader)) }),
  recurrence: (reader) => ({ recurrence: reader.after('=', () => readRecurrence(reader)) }),
  grid: (reader) => ({ grid: reader.after('=', () => readGrid(reader)) }),
}

function readWindow(reader: Reader): Window {
  const fields = readFields(reader, 'a field of a window') as Omit<Window, 'channelsLast'> & { channelsLast: string }
  return { ...fields, channelsLast: fields.channelsLast === 'true' }
}

const readRecurrence = (reader: Reader): Recurrence => ({
  ...{ initialState: null, states: null },
  ...(readFields(reader, 'a field of a recurrence') as Omit<Recurrence, 'initialState' | 'states'>),
})

/** `(key=1, key=[1, 2], key=word)` */
const readFields = (reader: Reader, what: string): object =>
  Object.fromEntries(
    reader.list('(', ')', () => {
      const key = reader.name(what)
      reader.expect('=')
      const read = (): unknown =>
        reader.is('[')
          ? reader.list('[', ']', reader.number)
          : reader.peek().type === 'number'
            ? reader.number()
            : reader.name('a value')
      return [key, read()]
    }),
  )

const readBoolean = (reader: Reader): boolean =>
  !!reader.acceptWord('true') || (!reader.acceptWord('false') && reader.fail('true or false'))

function readAttr(reader: Reader): [string, Attr] {
  const key = reader.name('an attribute')
  reader.expect('=')
  return [key, readAttrValue(reader)]
}

function readAttrValue(reader: Reader): Attr {
  const { type, text } = reader.peek()
  if (type === 'string') return reader.next().text
  if (type === 'number') return readAttrNumber(reader.next().text)
  if (reader.is('['))
    return reader.list('[', ']', () => (reader.peek().type === 'string' ? reader.next().text : reader.number())) as
      | number[]
      | string[]
  if (text === 'true' || text === 'false') return readBoolean(reader)
  if (reader.acceptWord('f')) return { float: reader.list('[', ']', reader.number) }
  if (reader.acceptWord('bytes')) return { bytes: readBytes(reader) }
  reader.expectWord('tensor')
  const { dtype, shape } = readType(reader)
  reader.expect('(')
  return { tensor: readElements(reader, dtype, shape ?? []) }
}

function readAttrNumber(text: string): Attr {
  if (text.endsWith('n') && !text.endsWith('nan')) return BigInt(text.slice(0, -1))
  const float = text.endsWith('f') && !text.endsWith('inf') && !text.includes('0x')
  return float ? { float: toNumber(text) } : toNumber(text)
}

function readBytes(reader: Reader): Uint8Array {
  reader.expect('(')
  const token = reader.peek()
  const hex = reader.take('string', 'a string of hexadecimal digits')
  if (!/^([0-9a-f]{2})*$/i.test(hex)) reader.fail('pairs of hexadecimal digits', token)
  reader.expect(')')
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}
