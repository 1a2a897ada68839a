import { expect, test } from 'vitest'
import { mergeActivation, parseGraph, printGraph, rewrite } from '../index.ts'
import { expectSame, weights } from '../testing/same.ts'

test('a Relu after a dense layer becomes its attribute', () => {
  const graph = parseGraph(`graph g(%x: f32[2,3]) { ${weights({ w: [3, 4] })}
    %h = dense(%x, %w)  %r = relu(%h)  %y = relu(%r)  return %y }`)
  const merged = rewrite(graph, [mergeActivation])
  expect(merged.nodes.map((node) => `${node.id} ${node.op} ${node.attrs.activation}`)).toEqual([
    'h Gemm relu',
    'y Relu undefined',
  ])
  expectSame(graph, merged)
})

test.each(['%y = relu(%h) return %y, %h', '%y = relu(%h) %z = add(%y, %h) return %z', '%y = LeakyRelu(%h) return %y'])(
  '%s stays',
  (rest) => {
    const graph = parseGraph(`graph g(%x: f32[2,3]) { %w: f32[3,3] = constant(splat 1) %h = dense(%x, %w) ${rest} }`)
    expect(mergeActivation.run(graph)).toBe(graph)
  },
)

test('one relu left, in text', () => {
  const graph = parseGraph(
    'graph g(%x: f32[2,3]) { %w: f32[3,3] = constant(splat 1) %h = dense(%x, %w) %y = relu(%h) return %y }',
  )
  expect(printGraph(rewrite(graph, [mergeActivation]))).toMatchInlineSnapshot(`
    "graph g(%x: f32[2,3]) {
      %w: f32[3,3] = constant(splat 1)
      %y: f32 = dense Gemm(%x, %w) {activation="relu"} weights=[1@1] #h
      return %y
    }"
  `)
})
