import { expect, test } from 'vitest'
import { cut, parseGraph, printGraph, verify } from './index.ts'
import { interpret, noise } from './testing/interpret.ts'

const graph = parseGraph(`graph g(%x: f32[2], %y: f32[2]) {
  %k: f32[2] = constant(2, -3)
  %a: f32[2] = mul(%x, %k)
  %b: f32[2] = relu(%a)
  %side: f32[2] = mul(%y, %k)
  %c: f32[2] = add(%b, %side)
  %d: f32[2] = mul(%c, %k)
  %e: f32[2] = add(%d, %x)
  %f: f32[2] = add(%b, %b)
  return %e, %side, %f, %x
}`)

test('the suffix is what depends on the node; the rest, and what runs beside it, is the prefix', () => {
  const { prefix, suffix, crossing } = cut(graph, { before: 'c' })
  expect(suffix.nodes.map((node) => node.id)).toEqual(['c', 'd', 'e'])
  expect(prefix.nodes.map((node) => node.id)).toEqual(['a', 'b', 'side', 'f'])
  expect(crossing).toEqual(['b', 'side', 'x'])
  expect(suffix.inputs).toEqual(crossing)
  expect(suffix.outputs).toEqual(['e'])
  expect(prefix.outputs).toEqual(['b', 'side', 'f', 'x'])
  expect(prefix.values.has('k') && suffix.values.has('k')).toBe(true)
})

test('at a list of values, the suffix is all that depends on them', () => {
  const { suffix, crossing } = cut(graph, ['d'])
  expect(suffix.nodes.map((node) => node.id)).toEqual(['e'])
  expect(crossing).toEqual(['d', 'x'])
})

test('prefix then suffix computes what the whole graph computes, wherever the cut is', () => {
  const feeds = { x: noise([2], 1), y: noise([2], 2) }
  const whole = interpret(graph, feeds)
  const before = printGraph(graph)
  for (const at of [...graph.nodes.map((node) => ({ before: node.id })), ['x'], ['side', 'b'], []]) {
    const { prefix, suffix, crossing } = cut(graph, at)
    verify(prefix)
    verify(suffix)
    expect([...prefix.nodes, ...suffix.nodes].map((n) => n.id).sort()).toEqual(graph.nodes.map((n) => n.id).sort())
    const first = interpret(prefix, feeds)
    const handed = Object.fromEntries(crossing.map((id) => [id, { ...feeds, ...pick(first, prefix.outputs) }[id]!]))
    const second = interpret(suffix, handed)
    expect({ ...pick(first, prefix.outputs), ...pick(second, suffix.outputs) }).toMatchObject(
      pick(whole, graph.outputs),
    )
  }
  expect(printGraph(graph)).toBe(before)
})

test('what a control-flow node captures crosses the cut too', () => {
  const loop = parseGraph(
    'graph g(%x: f32[1]) { %a: f32[1] = relu(%x) %b: f32[1] = exp(%x) %c: f32[1] = Loop(%b) captures=[%a] return %c }',
  )
  expect(cut(loop, { before: 'c' }).crossing).toEqual(['b', 'a'])
})

const pick = <T>(from: Record<string, T>, ids: readonly string[]) =>
  Object.fromEntries(ids.map((id) => [id, from[id]!]))
