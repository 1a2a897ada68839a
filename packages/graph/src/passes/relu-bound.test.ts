import { expect, test } from 'vitest'
import { parseGraph, printGraph, reluBoundToPowerOf2, rewrite, toF32 } from '../index.ts'
import { expectSame, weights } from '../testing/same.ts'

const net = (clip = '%c = Clip(%a, %low, %high) bounds=[0,6]', middle = '%c', outputs = '%y') =>
  parseGraph(`graph g(%x: f32[2,3,5,5]) { ${weights({ v: [4, 3, 3, 3], b: [4], w: [2, 4, 3, 3], c2: [2] })}
    %low: f32[] = constant(0)  %high: f32[] = constant(6)
    %a = conv(%x, %v, %b)  ${clip}  %y = conv(${middle}, %w, %c2) {pads=[1,1,1,1]}  return ${outputs} }`)

test('a ReLU6 between two convolutions is bounded by 8, and the outputs stay', () => {
  const graph = net()
  const bounded = rewrite(graph, [reluBoundToPowerOf2])
  expectSame(graph, bounded)
  const clip = bounded.nodes.find(({ op }) => op === 'Clip')!
  expect(clip.bounds).toEqual([0, 8])
  expect([...toF32(bounded.values.get('high')!.tensor!)]).toEqual([8])
  expect(bounded.nodes.map(({ id }) => id)).toEqual(graph.nodes.map(({ id }) => id))
  expect(reluBoundToPowerOf2.run(bounded)).toBe(bounded)
})

test('through pooling and zero padding, and with the bound of an old opset, which is an attribute', () => {
  const graph = net('%r = Clip(%a) {max=6f, min=0f} bounds=[0,6]  %c = MaxPool(%r)')
  expect(printGraph(reluBoundToPowerOf2.run(graph))).toContain('max=8f')
})

test('a bound that several Clips share is changed for each alone', () => {
  const graph =
    parseGraph(`graph g(%x: f32[1,2,4,4]) { ${weights({ u: [3, 2, 1, 1], v: [3, 1, 3, 3], w: [2, 3, 1, 1] })}
    %low: f32[] = constant(0)  %high: f32[] = constant(6)
    %a = conv(%x, %u)  %b = Clip(%a, %low, %high) bounds=[0,6]
    %c = depthwiseConv(%b, %v) {group=3}  %d = Clip(%c, %low, %high) bounds=[0,6]
    %e = conv(%d, %w)  %y = Clip(%e, %low, %high) bounds=[0,6]  return %y }`)
  const bounded = rewrite(graph, [reluBoundToPowerOf2])
  expectSame(graph, bounded)
  const bounds = bounded.nodes.filter(({ op }) => op === 'Clip').map((node) => node.bounds![1])
  expect(bounds).toEqual([8, 8, 6])
})

test.each([
  ['the bound is a power of two', net('%c = Clip(%a, %low, %high) bounds=[0,4]')],
  ['it is no ReLU', net('%c = Clip(%a, %low, %high) bounds=[-1,6]')],
  ['its output is seen', net(undefined, '%c', '%y, %c')],
  ['there is no bound', net('%c = relu(%a)')],
])('it stays when %s', (_, graph) => {
  expect(reluBoundToPowerOf2.run(graph)).toBe(graph)
})
