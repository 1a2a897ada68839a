import { parseGraph } from '@mixbit/graph'
import { expect, test } from 'vitest'
import { activationMemory, liveValues } from './activation-memory.ts'
import { fusedChains } from './fused-chains.ts'
import { targetPlatforms } from './target-platform.ts'

const lives = (text: string, fusingPatterns = [['conv', 'activation']]) => {
  const graph = parseGraph(text)
  const chains = fusedChains(graph, { ...targetPlatforms['weights-only']!, fusingPatterns })
  return liveValues(graph, chains).map(({ node, values }) => `${node.id}: ${[...values].sort().join(' ')}`)
}

test('a tensor lives until its last reader has run', () => {
  expect(
    lives(`graph g(%x: f32[1,4]) {
      %a: f32[1,4] = dense Any(%x)
      %b: f32[1,4] = dense Any(%a)
      %c: f32[1,4] = dense Any(%b)
      %d: f32[1,4] = add Add(%c, %a)
      %y: f32[1,4] = dense Any(%d)
      return %y
    }`),
  ).toEqual(['a: a x', 'b: a b', 'c: a b c', 'd: a c d', 'y: d y'])
})

test('outputs live to the end, and a value that nobody reads only while it is made', () => {
  expect(
    lives(`graph g(%x: f32[1,4]) {
      %y: f32[1,4] = dense Any(%x)
      %u: f32[1,4] = dense Any(%y)
      %z: f32[1,4] = dense Any(%y)
      return %y, %z
    }`),
  ).toEqual(['y: x y', 'u: u y', 'z: y z'])
})

test('the inside of a fused pair is no tensor', () => {
  expect(
    lives(`graph g(%x: f32[1,4]) {
      %a: f32[1,4] = conv Conv(%x)
      %r: f32[1,4] = activation Relu(%a)
      %y: f32[1,4] = conv Conv(%r)
      return %y
    }`),
  ).toEqual(['a: x', 'r: r x', 'y: r y'])
})

test('a fused chain of any length is one operator: what it reads lives until it is done', () => {
  const text = `graph g(%x: f32[1,4]) {
      %b: f32[1,4] = conv Conv(%x)
      %c: f32[1,4] = conv Conv(%b)
      %d: f32[1,4] = add Add(%c, %x)
      %r: f32[1,4] = activation Relu(%d)
      %y: f32[1,4] = conv Conv(%r)
      return %y
    }`
  expect(lives(text, [['conv', 'add', 'activation']])).toEqual(['b: b x', 'c: b x', 'd: b x', 'r: b r x', 'y: r y'])
  expect(lives(text, [['add', 'activation']])).toEqual(['b: b x', 'c: b c x', 'd: c x', 'r: c r x', 'y: r y'])
})

// ru-calc/three-node-chain of the reference: 50 elements at 8 bits, 600 at 8, 142 at 4.
test('the worst cut of the reference chain', () => {
  const cuts = [
    { fixed: 0, elements: [50, 600, 0] },
    { fixed: 0, elements: [0, 600, 142] },
    { fixed: 0, elements: [50, 0, 0] },
    { fixed: 0, elements: [0, 0, 142] },
  ]
  expect(activationMemory(cuts, [8, 8, 4])).toBe(671)
  expect(cuts.map((cut) => activationMemory([cut], [8, 8, 4])).sort((a, b) => a - b)).toEqual([50, 71, 650, 671])
})
