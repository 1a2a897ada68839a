import { expect, test } from 'vitest'
import { type Graph, parseGraph, rewrite, scalablePairs, scaleChannels, toF32 } from '../index.ts'
import { expectSame, weights } from '../testing/same.ts'

const parse = (shapes: Record<string, number[]>, body: string, input = 'f32[2,3,5,5]') =>
  parseGraph(`graph g(%x: ${input}) { ${weights(shapes)} ${body} }`)
const scaleAll = (graph: Graph) =>
  rewrite(graph, [
    {
      name: 'scaleAll',
      run: (given) =>
        scalablePairs(given).reduce(
          (changed, pair) =>
            scaleChannels(
              changed,
              pair,
              Float64Array.from({ length: pair.channels }, (_, c) => 1 / (c + 2)),
            ),
          given,
        ),
    },
  ])

test.each([
  [
    'Relu between two convolutions, in groups as well',
    parse(
      { v: [4, 3, 3, 3], b: [4], w: [6, 2, 1, 1] },
      '%a = conv(%x, %v, %b) %r = relu(%a) %y = conv(%r, %w) {group=2} return %y',
    ),
    1,
  ],
  [
    'a depthwise convolution on both sides',
    parse(
      { u: [4, 3, 1, 1], v: [4, 1, 3, 3], w: [2, 4, 1, 1] },
      '%a = conv(%x, %u) %r = LeakyRelu(%a) %d = depthwiseConv(%r, %v) {group=4, pads=[1,1,1,1]} %s = relu(%d) %y = conv(%s, %w) return %y',
    ),
    2,
  ],
  [
    'a dense layer behind pooling and flattening',
    parse(
      { u: [4, 3, 1, 1], w: [4, 2], b: [2] },
      '%a = conv(%x, %u) %r = relu(%a) %p: f32[2,4,1,1] = GlobalAveragePool(%r) %f = Flatten(%p) %y = Gemm(%f, %w, %b) return %y',
    ),
    1,
  ],
  [
    'dense layers',
    parse(
      { v: [5, 3], w: [4, 5] },
      '%a = Gemm(%x, %v) {transB=1} %r = relu(%a) %y = Gemm(%r, %w) {transB=1} return %y',
      'f32[2,3]',
    ),
    1,
  ],
])('scaling the channels between two layers keeps the outputs: %s', (_, graph, count) => {
  expect(scalablePairs(graph)).toHaveLength(count)
  const scaled = scaleAll(graph)
  expectSame(graph, scaled)
  expect(scaled.nodes.map(({ id, inputs }) => [id, ...inputs])).toEqual(
    graph.nodes.map(({ id, inputs }) => [id, ...inputs]),
  )
  expect([...toF32(scaled.values.get('w')!.tensor!)]).not.toEqual([...toF32(graph.values.get('w')!.tensor!)])
})

test('weights that other layers use as well keep their numbers there', () => {
  const graph = parse(
    { v: [3, 3, 1, 1], w: [3, 3, 1, 1] },
    '%a = conv(%x, %v) %r = relu(%a) %b = conv(%r, %w) %s = relu(%b) %y = conv(%s, %v) return %y',
  )
  expectSame(graph, scaleAll(graph))
})

test.each([
  ['the activation is bounded', '%r = Clip(%a, %low, %high) bounds=[0,6] %y = conv(%r, %w) return %y'],
  ['somebody else reads it', '%r = relu(%a) %y = conv(%r, %w) %z = relu(%r) return %y, %z'],
  ['the convolution is an output', '%r = relu(%a) %y = conv(%r, %w) return %y, %a'],
  ['something lies between that mixes channels', '%r = relu(%a) %s = softmax(%r) %y = conv(%s, %w) return %y'],
])('there is no pair when %s', (_, rest) => {
  const graph = parse(
    { v: [4, 3, 1, 1], w: [2, 4, 1, 1] },
    `%low: f32[] = constant(0)  %high: f32[] = constant(6) %a = conv(%x, %v) ${rest}`,
  )
  expect(scalablePairs(graph)).toEqual([])
})

test('scales that leave float32 change nothing', () => {
  const graph = parse(
    { v: [4, 3, 1, 1], w: [2, 4, 1, 1] },
    '%a = conv(%x, %v) %r = relu(%a) %y = conv(%r, %w) return %y',
  )
  const [pair] = scalablePairs(graph)
  expect(scaleChannels(graph, pair!, new Float64Array(4).fill(1e-60))).toBe(graph)
})
