import { expect, test } from 'vitest'
import {
  consumers,
  downstream,
  nodeById,
  originOf,
  parseGraph,
  printGraph,
  producers,
  pruneUnused,
  replaceValues,
} from './index.ts'

const graph = parseGraph(`graph g(%x: f32[2], %unused: f32[2]) {
  %c: f32[2] = constant(1, 2)
  %a: f32[2] = add(%x, %c)
  %loop: f32[2] = opaque Loop(%a) captures=[%x]
  %b: f32[2] = relu(%a)
  %dead: f32[2] = exp(%b)
  return %b
}`)

test('what made a value is found through nodes that only move data', () => {
  const moved = parseGraph(`graph g(%x: f32[N,4]) {
    %a: f32[N,4] = relu(%x) #relu
    %b: f32[4,N] = reshapeLike Transpose(%a) preserving=true #turned
    %c: f32[N,4] = reshapeLike Transpose(%b) preserving=true #back
    %d: f32[4,N] = reshapeLike Transpose(%x) preserving=true #input
    return %c, %d
  }`)
  const makers = producers(moved)
  expect(['x', 'a', 'b', 'c', 'd'].map((id) => originOf(makers, id)?.id)).toEqual([
    undefined,
    'relu',
    'relu',
    'relu',
    'input',
  ])
})

test('producers and consumers know who makes and who reads a value, captures included', () => {
  expect([...producers(graph)].map(([id, node]) => `${id} by ${node.id}`)).toEqual([
    'a by a',
    'loop by loop',
    'b by b',
    'dead by dead',
  ])
  expect(
    consumers(graph)
      .get('x')
      ?.map((node) => node.id),
  ).toEqual(['a', 'loop'])
  expect(
    consumers(graph)
      .get('a')
      ?.map((node) => node.id),
  ).toEqual(['loop', 'b'])
  expect(consumers(graph).has('unused')).toBe(false)
})

test('downstream follows values through captures', () => {
  expect([...downstream(graph, ['b'])]).toEqual(['dead'])
  expect([...downstream(graph, ['x'])]).toEqual(['a', 'loop', 'b', 'dead'])
})

test('pruning drops what reaches no output, and no graph input', () => {
  const pruned = pruneUnused(graph)
  expect(pruned.nodes.map((node) => node.id)).toEqual(['a', 'b'])
  expect([...pruned.values.keys()].sort()).toEqual(['a', 'b', 'c', 'unused', 'x'])
})

test('replacing values leaves the given graph alone', () => {
  const before = printGraph(graph)
  const c = { ...graph.values.get('c')!, tensor: { dtype: 'f32', shape: [2], data: Float32Array.of(5, 6) } } as const
  expect(printGraph(replaceValues(graph, new Map([['c', c]])))).toContain('constant(5, 6)')
  expect(printGraph(graph)).toBe(before)
})

test('an unknown node is an error with its name', () => {
  expect(nodeById(graph, 'b').op).toBe('Relu')
  expect(() => nodeById(graph, 'nope')).toThrow("no node 'nope'")
})
