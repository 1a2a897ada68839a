import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { foldBatchNorm, parseGraph, rewrite, toF32 } from '../index.ts'
import { expectSame, weights } from '../testing/same.ts'
import { scaleAndShift } from './fold-batch-norm.ts'

const norm = (channels: number) => `${weights({ gamma: [channels], beta: [channels], mean: [channels] })}
  %variance: f32[${channels}] = constant(${Array.from({ length: channels }, (_, i) => 0.3 + i / 3).join(', ')})`

const net = (input: string, constants: Record<string, number[]>, layer: string, channels: number) =>
  parseGraph(`graph g(%x: f32[${input}]) {
    ${weights(constants)} ${norm(channels)}
    %c = ${layer}
    %y = BatchNormalization(%c, %gamma, %beta, %mean, %variance) {epsilon=1e-3f}
    return %y
  }`)

test.each([
  [
    'a conv with bias',
    net('2,3,5,5', { w: [4, 3, 3, 3], b: [4] }, 'conv(%x, %w, %b) {pads=[1,1,1,1], strides=[2,2]}', 4),
  ],
  ['a conv without bias', net('1,3,4,4', { w: [4, 3, 1, 1] }, 'conv(%x, %w)', 4)],
  ['a grouped conv', net('1,4,4,4', { w: [6, 2, 3, 3] }, 'conv(%x, %w) {group=2}', 6)],
  ['a depthwise conv', net('1,4,4,4', { w: [8, 1, 3, 3], b: [8] }, 'depthwiseConv(%x, %w, %b) {group=4}', 8)],
  ['a transposed conv', net('1,2,3,3', { w: [2, 5, 2, 2], b: [5] }, 'convTranspose(%x, %w, %b) {strides=[2,2]}', 5)],
  ['a grouped transposed conv', net('1,6,3,3', { w: [6, 2, 2, 2], b: [6] }, 'convTranspose(%x, %w, %b) {group=3}', 6)],
  ['a dense layer', net('3,4', { w: [4, 5], b: [1, 5] }, 'dense(%x, %w, %b)', 5)],
  ['a transposed dense layer with a scalar bias', net('3,4', { w: [5, 4], b: [1] }, 'dense(%x, %w, %b) {transB=1}', 5)],
])('folds into %s', (_, graph) => {
  const folded = rewrite(graph, [foldBatchNorm])
  expect(folded.nodes.map((node) => node.id)).toEqual(['c'])
  expect([...folded.values.keys()].sort()).toEqual([...folded.nodes[0]!.inputs, 'y'].sort())
  expectSame(graph, folded)
})

const conv = { w: [4, 3, 1, 1] }
test.each([
  ['the layer’s output is a graph output', (text: string) => text.replace('return', 'return %c,')],
  ['another node reads the layer’s output', (text: string) => text.replace('return', '%z = relu(%c) return %z,')],
  ['the batch norm trains', (text: string) => text.replace('epsilon', 'training_mode=1, epsilon')],
  ['a parameter is no constant', (text: string) => text.replace('%c, %gamma', '%c, %x')],
  [
    'the weight is stored on a grid',
    (text: string) => text.replace('%w: f32[4,3,1,1] =', '%w: f32[4,3,1,1] stored=i4[1] ='),
  ],
  [
    'the layer has an activation inside',
    (text: string) => text.replace('conv(%x, %w)', 'conv(%x, %w) {activation="relu"}'),
  ],
])('leaves it when %s', (_, change) => {
  const text = `graph g(%x: f32[1,3,4,4]) {
    ${weights(conv)} ${norm(4)}
    %c = conv(%x, %w)
    %y = BatchNormalization(%c, %gamma, %beta, %mean, %variance) {epsilon=1e-3f}
    return %y
  }`
  expect(change(text)).not.toBe(text)
  const graph = parseGraph(change(text))
  expect(foldBatchNorm.run(graph)).toBe(graph)
})

test('a MatMul cannot take a bias and keeps its batch norm', () => {
  const graph = net('3,4', { w: [4, 5] }, 'dense MatMul(%x, %w) weights=[1@1]', 5)
  expect(foldBatchNorm.run(graph)).toBe(graph)
})

test('a weight shared with another layer is folded into a copy', () => {
  const graph = parseGraph(`graph g(%x: f32[1,4,4,4]) {
    ${weights({ w: [4, 4, 1, 1] })} ${norm(4)}
    %c = conv(%x, %w)
    %n = BatchNormalization(%c, %gamma, %beta, %mean, %variance)
    %d = conv(%n, %w)
    %y = BatchNormalization(%d, %gamma, %beta, %mean, %variance)
    %z = conv(%y, %w)
    return %z
  }`)
  const folded = rewrite(graph, [foldBatchNorm])
  expect(folded.nodes.map((node) => node.op)).toEqual(['Conv', 'Conv', 'Conv'])
  expectSame(graph, folded)
})

test('half-precision weights are folded in float32 and stay half', () => {
  const graph = parseGraph(`graph g(%x: f16[1,1,1,1]) {
    %w: f16[1,1,1,1] = constant(0x3c00)  %g: f16[1] = constant(0x4000)  %o: f16[1] = constant(0x0)  %v: f16[1] = constant(0x3c00)
    %c = conv(%x, %w)
    %y = BatchNormalization(%c, %g, %o, %o, %v) {epsilon=0f}
    return %y
  }`)
  const folded = rewrite(graph, [foldBatchNorm])
  const weight = folded.values.get(folded.nodes[0]!.inputs[1]!)!.tensor!
  expect(weight.dtype).toBe('f16')
  expect([...toF32(weight)]).toEqual([2])
})

const reference = '../shared/reference/cases.json'
describe.skipIf(!existsSync(reference))('the reference case bn-fold/conv', () => {
  test('holds to 1e-9', () => {
    const { cases } = JSON.parse(readFileSync(reference, 'utf8')) as {
      cases: { name: string; inputs: Case; expected: Folded }[]
    }
    const { inputs, expected } = cases.find((one) => one.name === 'bn-fold/conv')!
    const { scale, shift } = scaleAndShift({ ...inputs, variance: inputs.var, epsilon: inputs.eps })
    inputs.kernel_out_in.forEach((row, o) => {
      row.forEach((w, i) => {
        expect(w * scale[o]!).toBeCloseTo(expected.kernel[o]![i]!, 9)
      })
      expect(inputs.bias[o]! * scale[o]! + shift[o]!).toBeCloseTo(expected.bias[o]!, 9)
    })
  })
})

type Case = Record<'gamma' | 'beta' | 'mean' | 'var' | 'bias', number[]> & { kernel_out_in: number[][]; eps: number }
interface Folded {
  kernel: number[][]
  bias: number[]
}
