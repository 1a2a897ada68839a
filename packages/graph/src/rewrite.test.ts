import { expect, test } from 'vitest'
import {
  collapseLinear,
  foldBatchNorm,
  foldConstants,
  mergeActivation,
  type Pass,
  parseGraph,
  printGraph,
  rewrite,
} from './index.ts'
import { expectSame, weights } from './testing/same.ts'

const net = parseGraph(`graph net(%x: f32[1,3,5,5]) {
  ${weights({ w1: [6, 3, 3, 3], b1: [6], w2: [2, 6, 1, 1], g: [2], b: [2], m: [2] })}
  %v: f32[2] = constant(0.5, 1.5)
  %same = Identity(%x)
  %a = conv(%same, %w1, %b1) {pads=[1,1,1,1]}
  %c = conv(%a, %w2)
  %n = BatchNormalization(%c, %g, %b, %m, %v)
  %y: f32[1,2,5,5] = relu(%n)
  return %y
}`)

test('passes run one after the other, and the given graph stays as it was', () => {
  const before = printGraph(net)
  const after = rewrite(net, [foldConstants, foldBatchNorm, collapseLinear, mergeActivation])
  expect(after.nodes.map((node) => [node.op, node.attrs.activation])).toEqual([['Conv', 'relu']])
  expectSame(net, after)
  expect(printGraph(net)).toBe(before)
})

test('a graph on which there is nothing to do is returned itself', () => {
  const plain = parseGraph('graph g(%x: f32[1]) { %y: f32[1] = relu(%x) return %y }')
  expect(rewrite(plain, [foldConstants, foldBatchNorm, collapseLinear, mergeActivation])).toBe(plain)
})

test('a pass that breaks the graph is named', () => {
  const careless: Pass = { name: 'careless', run: (graph) => ({ ...graph, nodes: graph.nodes.slice(1) }) }
  expect(() => rewrite(net, [foldConstants, careless])).toThrow(
    /^After the pass 'careless': .*%a is read by the node 'c'/s,
  )
})
