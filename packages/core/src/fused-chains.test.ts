import { parseGraph } from '@mixbit/graph'
import { expect, test } from 'vitest'
import { fusedChains } from './fused-chains.ts'
import { targetPlatforms } from './target-platform.ts'

/** The fused chains as texts, in the order of their first nodes. */
const chainsOf = (text: string, fusingPatterns?: readonly (readonly string[])[], name = 'weights-only') => {
  const graph = parseGraph(text)
  const platform = { ...targetPlatforms[name]!, ...(fusingPatterns && { fusingPatterns }) }
  const chains = fusedChains(graph, platform)
  return [...new Set(graph.nodes.flatMap(({ id }) => chains.get(id) ?? []))].map(
    ({ nodes, inside }) => `${nodes.map(({ id }) => id).join(' ')} (${inside.join(' ')})`,
  )
}
const residual = `graph g(%x: f32[1,4]) {
  %a: f32[1,4] = conv Conv(%x)
  %b: f32[1,4] = activation Relu(%a)
  %c: f32[1,4] = conv Conv(%b)
  %p: f32[1,4] = conv Conv(%x)
  %d: f32[1,4] = add Add(%p, %c)
  %e: f32[1,4] = activation Relu(%d)
  %y: f32[1,4] = conv Conv(%e)
  return %y
}`

test('patterns may have any length; the longest one that fits is fused', () => {
  const pair = [
    ['conv', 'activation'],
    ['add', 'activation'],
  ]
  expect(chainsOf(residual, pair)).toEqual(['a b (a)', 'd e (d)'])
  expect(chainsOf(residual, [...pair, ['conv', 'add', 'activation']])).toEqual(['a b (a)', 'p d e (p d)'])
  expect(chainsOf(residual, [['conv', 'add', 'activation', 'conv']])).toEqual(['p d e y (p d e)'])
  expect(chainsOf(residual, [])).toEqual([])
})

test('of several nodes that would fit, the one that runs last is fused', () => {
  const swapped = residual.replace('Add(%p, %c)', 'Add(%c, %p)')
  expect(chainsOf(swapped, [['conv', 'add']])).toEqual(['p d (p)'])
})

test('a value that anybody else reads, or that is an output, is not inside', () => {
  const readTwice = residual.replace('Add(%p, %c)', 'Add(%a, %c)')
  expect(chainsOf(readTwice, [['conv', 'activation']])).toEqual([])
  expect(chainsOf(residual.replace('return %y', 'return %y, %a'), [['conv', 'activation']])).toEqual([])
})

test('a pattern names operator sets or kinds: onnxruntime fuses a ReLU and no LeakyReLU', () => {
  expect(chainsOf(residual, undefined, 'onnxruntime-cpu')).toEqual(['a b (a)', 'd e (d)'])
  const leaky = residual.replaceAll('Relu(', 'LeakyRelu(')
  expect(chainsOf(leaky, undefined, 'onnxruntime-cpu')).toEqual([])
  expect(chainsOf(leaky, undefined, 'imx500')).toEqual(['a b (a)', 'd e (d)'])
})

test('a shift of negatives ends the chain of what it shifts, and takes along a Pad that alone reads it', () => {
  const graph = parseGraph(`graph g(%x: f32[1,4]) {
    %a: f32[1,4] = conv Conv(%x)
    %b: f32[1,4] = activation HardSwish(%a)
    %s: f32[1,4] = add Add(%b, %x) #shift
    %p: f32[1,4] = pad Pad(%s)
    %y: f32[1,4] = conv Conv(%p)
    return %y
  }`)
  const platform = { ...targetPlatforms['weights-only']!, fusingPatterns: [['conv', 'activation']] }
  const shift = { add: 'shift', shift: 1, activations: targetPlatforms.imx500!.activations!, threshold: 8, bits: 8 }
  const inside = (from: typeof graph) => fusedChains(from, platform, new Map([['shift', shift]])).get('a')!.inside
  expect(inside(graph)).toEqual(['a', 'b', 's'])
  const readers = {
    ...graph,
    outputs: ['y', 'q'],
    nodes: [...graph.nodes, { ...graph.nodes[4]!, id: 'q', inputs: ['s'], outputs: ['q'] }],
  }
  expect(inside(readers)).toEqual(['a', 'b'])
})
