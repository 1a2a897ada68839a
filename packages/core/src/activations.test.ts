import { parseGraph } from '@mixbit/graph'
import { expect, test } from 'vitest'
import { gridSources, quantizedActivations } from './activations.ts'
import { fusedChains } from './fused-chains.ts'
import { type TargetPlatform, targetPlatforms } from './target-platform.ts'

const imx500 = targetPlatforms.imx500!
const parse = (body: string) => parseGraph(`graph g(%x: f32[1,4], %z: f32[1,4]) {\n${body}\n}`)
const chosen = (body: string, platform: TargetPlatform = imx500) => {
  const graph = parse(body)
  return quantizedActivations(graph, platform, fusedChains(graph, platform))
}
const residual = `
  %a: f32[1,4] = conv Conv(%x)
  %b: f32[1,4] = activation Relu(%a)
  %c: f32[1,4] = conv Conv(%b)
  %d: f32[1,4] = add Add(%c, %z)
  %e: f32[1,4] = activation Relu(%d)
  %f: f32[1,4] = softmax Softmax(%e)
  %y: f32[1,4] = dense Gemm(%f)
  return %y`

test('what quantized layers read and give, the ends of fused chains, and no output', () => {
  expect([...chosen(residual).keys()]).toEqual(['x', 'b', 'c', 'z', 'e', 'f'])
})

test('a longer chain has one quantizer, at its end, and its other inputs are quantized too', () => {
  const platform = {
    ...imx500,
    fusingPatterns: [
      ['linear', 'activation'],
      ['linear', 'add', 'activation'],
    ],
  }
  expect([...chosen(residual, platform).keys()]).toEqual(['x', 'b', 'e', 'z', 'f'])
})

test('an operator that follows is left in float where nothing before it is quantized', () => {
  const early = `
  %a: f32[1,4] = add Add(%x, %z)
  %b: f32[1,4] = softmax Softmax(%a)
  %y: f32[1,4] = add Add(%b, %x)
  return %y`
  expect([...chosen(early).keys()]).toEqual([])
  const operatorSets = imx500.operatorSets.map((set) => ({ ...set, follows: false }))
  expect([...chosen(early, { ...imx500, operatorSets }).keys()]).toEqual(['x', 'z', 'a', 'b'])
})

test('the last node of a chain says which candidates it has; inputs from outside have those of their reader', () => {
  const sets = imx500.operatorSets
  const operatorSets = [
    { ...sets[0]!, activations: { bits: [8] } },
    sets[1]!,
    { ...sets[2]!, activations: { bits: [16, 8] } },
  ]
  const bits = [...chosen(residual, { ...imx500, operatorSets })].map(([id, config]) => `${id} ${config.bits}`)
  expect(bits).toEqual(['x 8', 'b 16,8', 'c 8', 'z 16,8', 'e 16,8', 'f 8'])
})

test('a node that only moves data hands its grid on, unless the platform says otherwise', () => {
  const graph = parse(`
  %a: f32[1,4] = conv Conv(%x)
  %b: f32[1,4] = maxPool MaxPool(%a)
  %c: f32[1,4] = concat Concat(%b, %z)
  %y: f32[1,4] = conv Conv(%c)
  return %y`)
  const sourcesFor = (preserving?: boolean) => {
    const operatorSets = [
      { name: 'pools', kinds: ['maxPool' as const], follows: true, preserving },
      ...imx500.operatorSets,
    ]
    const platform = { ...imx500, operatorSets }
    return gridSources(graph, platform, quantizedActivations(graph, platform, new Map()))
  }
  expect(sourcesFor(true).get('b')).toBe('a')
  expect(sourcesFor(false).get('b')).toBe('b')
  expect(sourcesFor(true).get('c')).toBe('c')
})

test('a platform without activations leaves them all in float', () => {
  expect(chosen(residual, targetPlatforms['weights-only'])).toEqual(new Map())
})
