import { expect, test } from 'vitest'
import { foldConstants, parseGraph, printGraph, rewrite } from '../index.ts'
import { expectSame } from '../testing/same.ts'

test('Constant nodes become constants and identities go; outputs keep their names', () => {
  const graph = parseGraph(`graph g(%x: f32[2]) {
    %k = constant Constant() {value=tensor f32[2](1, 2)}
    %i = Identity(%k)
    %a: f32[2] = add(%x, %i)
    %y: f32[2] = Identity(%a)
    %z: f32[2] = relu(%a)
    return %y, %z
  }`)
  const folded = rewrite(graph, [foldConstants])
  expectSame(graph, folded)
  expect(printGraph(folded)).toMatchInlineSnapshot(`
    "graph g(%x: f32[2]) {
      %k: f32[2] = constant(1, 2)
      %y: f32[2] = add Add(%x, %k) #a
      %z: f32[2] = activation Relu(%y)
      return %y, %z
    }"
  `)
})

test('all spellings of Constant are read', () => {
  const graph = parseGraph(`graph g() {
    %a = constant Constant() {value_float=1.5f}  %b = constant Constant() {value_ints=[1,-2]}
    %c = constant Constant() {value_string="s"}  %d = constant Constant() {value_floats=f[1]}  %e = constant Constant() {value_int=3}
    %y = opaque Op(%a, %b, %c, %d, %e) return %y }`)
  const { values, nodes } = rewrite(graph, [foldConstants])
  expect(nodes).toHaveLength(1)
  expect([...values.values()].filter((v) => v.tensor).map((v) => [v.dtype, v.shape, [...v.tensor!.data]])).toEqual([
    ['f32', [], [1.5]],
    ['i64', [2], [1n, -2n]],
    ['string', [], ['s']],
    ['f32', [1], [1]],
    ['i64', [], [3n]],
  ])
})

test.each([
  ['%y: f32[2] = Identity(%x) return %y'],
  ['%a: f32[2] = relu(%x) %y: f32[2] = Identity(%a) return %y, %a'],
  ['%a: f32[2] = Identity(%x) %y: f32[2] = Loop(%x) captures=[%a] return %y'],
  ['%k = constant Constant() {value=tensor f32[2](1, 2)} return %k'],
])('%s stays', (body) => {
  const graph = parseGraph(`graph g(%x: f32[2]) { ${body} }`)
  expect(printGraph(foldConstants.run(graph))).toBe(printGraph(graph))
})

test('a chain of identities collapses onto the name of the output', () => {
  const graph = parseGraph('graph g(%x: f32[2]) { %a = relu(%x) %b = Identity(%a) %c = Identity(%b) return %c }')
  expect(rewrite(graph, [foldConstants]).nodes.map((node) => [node.op, ...node.outputs])).toEqual([['Relu', 'c']])
})
