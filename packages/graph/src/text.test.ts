import { expect, test } from 'vitest'
import { type Graph, type MixbitError, parseGraph, printGraph } from './index.ts'

const sample = `graph g(%x: f32[N,3,8,8], %"in:0": f16["batch size",2]) {
  %w: f32[4,1,1,1] stored=i4@0[0.1, 0.2, 0.1, 0.3; 0, 1, -1, 0] = constant(1, 0.5, -0, inf)
  %table: f32[2] stored=i2{-3, -1, 1, 3}[0.5] = constant(0.5, -1.5)
  %h: f16[2] = constant(0x3c00, 0x8000)
  %p: i4[3] = constant(0x21, 0x3)
  %s: string[2] = constant("a", "b \\"c\\"")
  %l: i64[2] = constant(-9223372036854775808, 7)
  %z: f32[100] = constant(splat 0.1)
  %e: f32[0] = constant()
  %odd: f32[2,N] = constant f32[2,1](0.3, 1e-10)
  %loose: u8
  %y: f32[N,4,8,8], %mask: bool[] = conv Conv(%x, %w, null) {strides=[1,1], epsilon=1e-5f, "a b"="text", big=12n, yes=true, names=["p","q"], none=[], floats=f[1,0.1,-inf], t=tensor f32[2](1, nan), raw=bytes("00ff"), void=nanf} weights=[1@0] macs=123456 bounds=[0, inf] preserving=false captures=[%x] #"node 1"
  null, %r: f32[1] = opaque com.microsoft::Gelu(%y)
  () = opaque "odd op"(%y) #sink
  %f: f32[1] = fakeQuantize FakeQuantize(%r) captures=[] grid=u8[0.0039; 128]
  %c: f32[] = constant Constant() {value=tensor f32[](3)}
  return %f, %z
}`

test('printing what was parsed gives the same text', () => {
  expect(printGraph(parseGraph(sample))).toBe(sample)
})

test('parsing gives every field its value', () => {
  const graph = parseGraph(sample)
  expect(graph.nodes[0]).toEqual({
    id: 'node 1',
    kind: 'conv',
    op: 'Conv',
    inputs: ['x', 'w', null],
    outputs: ['y', 'mask'],
    attrs: {
      strides: [1, 1],
      epsilon: { float: 1e-5 },
      'a b': 'text',
      big: 12n,
      yes: true,
      names: ['p', 'q'],
      none: [],
      floats: { float: [1, 0.1, -Infinity] },
      t: { tensor: { dtype: 'f32', shape: [2], data: Float32Array.of(1, NaN) } },
      raw: { bytes: Uint8Array.of(0, 255) },
      void: { float: NaN },
    },
    weights: [{ input: 1, axis: 0 }],
    macs: 123456,
    bounds: [0, Number.POSITIVE_INFINITY],
    preserving: false,
    captures: ['x'],
  })
  expect(graph.values.get('w')).toEqual({
    id: 'w',
    dtype: 'f32',
    shape: [4, 1, 1, 1],
    tensor: { dtype: 'f32', shape: [4, 1, 1, 1], data: Float32Array.of(1, 0.5, -0, Infinity) },
    stored: {
      bits: 4,
      signed: true,
      axis: 0,
      scale: Float32Array.of(0.1, 0.2, 0.1, 0.3),
      zeroPoint: Int32Array.of(0, 1, -1, 0),
    },
  })
  expect(graph.values.get('l')!.tensor!.data).toEqual(BigInt64Array.of(-(2n ** 63n), 7n))
  expect(graph.values.get('in:0')!.shape).toEqual(['batch size', 2])
  expect(graph.values.get('loose')).toEqual({ id: 'loose', dtype: 'u8' })
  expect(graph.nodes[3]!.grid).toEqual({
    bits: 8,
    signed: false,
    axis: null,
    scale: Float32Array.of(0.0039),
    zeroPoint: Int32Array.of(128),
  })
})

test('float32 constants come back bit by bit', () => {
  const words = Uint32Array.from({ length: 5000 }, (_, i) => Math.imul(i + 1, 2654435761)).filter(
    (w) => (w & 0x7f800000) !== 0x7f800000,
  )
  const data = new Float32Array(words.buffer)
  const value = {
    id: 'v',
    dtype: 'f32',
    shape: [data.length],
    tensor: { dtype: 'f32', shape: [data.length], data },
  } as const
  const graph: Graph = { name: 'g', inputs: [], outputs: ['v'], nodes: [], values: new Map([['v', value]]), meta: {} }
  const back = parseGraph(printGraph(graph)).values.get('v')!.tensor!.data as Float32Array
  expect(new Uint32Array(back.buffer)).toEqual(words)
})

test('a graph built by hand comes back equal, whatever its names are', () => {
  for (const name of [
    '',
    'a b',
    'null',
    'return',
    '3net',
    'nan',
    'x//y',
    'f',
    'é',
    '/model/conv.weight',
    '__proto__',
    'a"b\n',
  ])
    for (const attrs of [{}, { axis: 1 }] as Record<string, number>[]) {
      const values = new Map([[name, { id: name, dtype: 'f32', shape: [name] } as const]])
      const node = {
        id: `${name}.`,
        kind: 'opaque',
        op: name,
        inputs: [name],
        outputs: [null],
        attrs,
        weights: [],
      } as const
      const graph: Graph = { name, inputs: [name], outputs: [name], nodes: [node], values, meta: {} }
      expect(parseGraph(printGraph(graph))).toEqual(graph)
    }
})

test('one word stands for kind and operator in short texts, and implies the usual weights', () => {
  const graph = parseGraph(`graph g(%x) {
    %w: f32[2,2] = constant(1, 2, 3, 4)   // a comment
    %a = relu(%x)  %b: f32[4] = dense(%a, %w) %c = Gemm(%b, %w) {transB=1}
    %d = add(%c, %a) %e = my.domain::Thing(%d) %f = matmul(%e, %x)
    return %f
  }`)
  expect(
    graph.nodes.map(({ id, kind, op, weights }) => [id, kind, op, ...weights.map((w) => `${w.input}@${w.axis}`)]),
  ).toEqual([
    ['a', 'activation', 'Relu'],
    ['b', 'dense', 'Gemm', '1@1'],
    ['c', 'dense', 'Gemm', '1@0'],
    ['d', 'add', 'Add'],
    ['e', 'opaque', 'my.domain::Thing'],
    ['f', 'matmul', 'MatMul'],
  ])
})

test('maxElements cuts constants short, and such a text says why it cannot be parsed', () => {
  const short = printGraph(parseGraph('graph g() { %w: i8[5] = constant(1, 2, 3, 4, 5) return %w }'), {
    maxElements: 2,
  })
  expect(short).toContain('constant(1, 2, ... 5 in all)')
  expect(() => parseGraph(short)).toThrow('cut short')
})

test.each([
  ['graph g(%x: f33[2]) { return %x }', 1, 13, "expected a dtype such as f32, but found 'f33'"],
  ['graph g(%x: f32[2]) {\n  %a: f32[2] = relu(%x\n  return %a\n}', 3, 3, "expected ')', but found 'return'"],
  ['graph g() {', 1, 12, "expected a value, or 'return', but found 'the end'"],
  ['graph g() { %a = relux Relu(%a) return }', 1, 18, "expected a kind, but found 'relux'"],
  ['graph g() { return } more', 1, 22, "expected the end, but found 'more'"],
  ['graph g() { %a = relu(!) return }', 1, 23, "'!' begins nothing"],
  ['graph g() { %w: f32[N] = constant(1) return }', 1, 35, 'expected a known shape'],
  ['', 1, 1, "expected 'graph'"],
])('%j is refused with line and column', (text, line, column, problem) => {
  let error: MixbitError | undefined
  try {
    parseGraph(text)
  } catch (thrown) {
    error = thrown as MixbitError
  }
  expect(error?.code).toBe('TEXT_SYNTAX')
  expect(error?.message).toContain(`Line ${line}, column ${column}: `)
  expect(error?.message).toContain(problem)
  expect(error?.context).toEqual({ line, column })
})
