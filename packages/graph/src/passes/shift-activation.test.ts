import { expect, test } from 'vitest'
import { canShift, type Graph, parseGraph, printGraph, rewrite, shiftActivation } from '../index.ts'
import { expectSame, weights } from '../testing/same.ts'

const parse = (shapes: Record<string, number[]>, body: string, input = 'f32[2,3,5,5]') =>
  parseGraph(
    `graph g(%x: ${input}) { ${weights(shapes)} %v: f32[] = constant(0)  %h: ${input} = HardSwish(%x) ${body} }`,
  )
const shifted = (graph: Graph) =>
  rewrite(graph, [{ name: 'shift', run: (given) => shiftActivation(given, 'h', 0.375)!.graph }])

test.each([
  ['a convolution', parse({ w: [4, 3, 3, 3], b: [4] }, '%y = conv(%h, %w, %b) return %y')],
  ['one without a bias', parse({ w: [4, 3, 1, 1] }, '%y = conv(%h, %w) return %y')],
  [
    'one that pads by itself',
    parse({ w: [4, 3, 3, 3], b: [4] }, '%y = conv(%h, %w, %b) {pads=[1,2,0,1], strides=[2,1]} return %y'),
  ],
  ['a depthwise one', parse({ w: [3, 1, 3, 3] }, '%y = depthwiseConv(%h, %w) {group=3, pads=[1,1,1,1]} return %y')],
  [
    'two of them',
    parse({ w: [4, 3, 3, 3], u: [2, 3, 1, 1] }, '%y = conv(%h, %w) {pads=[1,1,1,1]} %z = conv(%h, %u) return %y, %z'),
  ],
  ['a dense layer', parse({ w: [3, 4], b: [4] }, '%y = Gemm(%h, %w, %b) return %y', 'f32[2,3]')],
  [
    'a product with a sum behind it',
    parse({ w: [3, 4], b: [4] }, '%m = MatMul(%h, %w) %y = Add(%m, %b) return %y', 'f32[2,3]'),
  ],
  [
    'pooling and flattening before it',
    parse({ w: [3, 4] }, '%p = GlobalAveragePool(%h) %f = Flatten(%p) %y = Gemm(%f, %w) return %y'),
  ],
  [
    'a Pad before it',
    parse(
      { w: [4, 3, 3, 3] },
      '%i: i64[8] = constant(0,0,1,1,0,0,1,1) %p = Pad(%h, %i) %y = conv(%p, %w) {pads=[1,1,1,1]} return %y',
    ),
  ],
])('a shift that is taken back in the bias keeps the outputs: %s', (_, graph) => {
  expect(canShift(graph, 'h')).toBe(true)
  expectSame(graph, shifted(graph))
})

test('padding of a convolution becomes a Pad with the shift, and names of nodes stay', () => {
  const graph = parse({ w: [1, 3, 1, 1] }, '%y: f32[2,1,7,7] = conv(%h, %w) {pads=[1,1,1,1]} return %y')
  expect(printGraph(shifted(graph)).replace(/constant\(.*\)/g, 'constant')).toMatchInlineSnapshot(`
    "graph g(%x: f32[2,3,5,5]) {
      %w: f32[1,3,1,1] = constant
      %v: f32[] = constant
      %y_bias: f32[1] = constant
      %y_pads: i64[8] = constant
      %y_pad_value: f32[] = constant
      %h_shift: f32[] = constant
      %h: f32[2,3,5,5] = activation HardSwish(%x)
      %h_shifted: f32[2,3,5,5] = add Add(%h, %h_shift) #h_shifted_add
      %y_padded: f32[2,3,7,7] = pad Pad(%h_shifted, %y_pads, %y_pad_value) preserving=true #y_pad
      %y: f32[2,1,7,7] = conv Conv(%y_padded, %w, %y_bias) {pads=[0,0,0,0]} weights=[1@0]
      return %y
    }"
  `)
})

test.each([
  ['a sum reads it too', '%y = conv(%h, %w) %z = add(%h, %x) return %y, %z'],
  ['it is an output', '%y = conv(%h, %w) return %y, %h'],
  ['something behind a pool is not linear', '%p = GlobalAveragePool(%h) %y = softmax(%p) return %y'],
  ['nothing behind it is linear', '%y = Flatten(%h) return %y'],
  ['padding depends on the extent', '%y = conv(%h, %k) {auto_pad="SAME_UPPER"} return %y'],
  ['averages count the zeros around', '%p = AveragePool(%h) {count_include_pad=1} %y = conv(%p, %w) return %y'],
  ['it is the weight', '%y = conv(%x, %h) return %y'],
  ['a product has no sum behind it', '%y = MatMul(%h, %w) return %y'],
])('it cannot be shifted when %s', (_, body) => {
  const graph = parse({ w: [4, 3, 1, 1], k: [4, 3, 3, 3] }, body)
  expect(canShift(graph, 'h')).toBe(false)
  expect(shiftActivation(graph, 'h', 1)).toBeUndefined()
})
