import type { Node } from '@mixbit/graph'
import { expect, test } from 'vitest'
import { operatorRule } from './operator-rule.ts'
import { type OperatorSet, targetPlatforms } from './target-platform.ts'

const node = (kind: Node['kind'], op: string, more: Partial<Node> = {}): Node => ({
  id: op,
  kind,
  op,
  inputs: ['x'],
  outputs: ['y'],
  attrs: {},
  weights: [],
  ...more,
})
const platform = (...operatorSets: OperatorSet[]) => ({
  ...targetPlatforms['onnxruntime-cpu']!,
  weights: { bits: [8, 4], base: 4, scheme: 'symmetric' as const, perChannel: true },
  operatorSets,
})

test('the first set that names the operator or its kind holds', () => {
  const both = platform({ name: 'relu', ops: ['Relu'], follows: true }, { name: 'all', kinds: ['activation'] })
  expect(operatorRule(both, node('activation', 'Relu'))).toMatchObject({ set: 'relu', follows: true })
  expect(operatorRule(both, node('activation', 'Tanh'))).toMatchObject({ set: 'all', follows: false })
})

test('an operator of no set stays float and takes any input', () => {
  expect(operatorRule(platform(), node('softmax', 'Softmax'))).toEqual({
    set: null,
    weights: null,
    activations: null,
    follows: false,
    preserving: false,
    mostInputBits: Number.POSITIVE_INFINITY,
  })
})

test('a set changes what it names; its own bits have the widest as base, if it names none', () => {
  const set = { name: 'a', kinds: ['conv' as const] }
  const of = (own: Partial<OperatorSet>) => operatorRule(platform({ ...set, ...own }), node('conv', 'Conv'))
  expect(of({}).weights).toEqual({ bits: [8, 4], base: 4, scheme: 'symmetric', perChannel: true })
  expect(of({ weights: { perChannel: false } }).weights).toMatchObject({ base: 4, perChannel: false })
  expect(of({ weights: { bits: [8] } }).weights).toMatchObject({ bits: [8], base: undefined })
  expect(of({ activations: { scheme: 'symmetric', signedness: 'signed' } }).activations).toMatchObject({
    bits: [8, 4, 2],
    scheme: 'symmetric',
    signedness: 'signed',
  })
  expect(of({ supportedInputBits: [4, 8] }).mostInputBits).toBe(8)
})

test('weights alone, or nothing, is quantized where a set says so', () => {
  const of = (quantized: OperatorSet['quantized']) =>
    operatorRule(platform({ name: 'a', kinds: ['conv'], quantized }), node('conv', 'Conv'))
  expect([of('weights').weights?.bits, of('weights').activations]).toEqual([[8, 4], null])
  expect([of(false).weights, of(false).activations]).toEqual([null, null])
})

test('what the adapter says of moving data holds unless a set says otherwise', () => {
  const of = (preserving?: boolean) =>
    operatorRule(
      platform({ name: 'a', kinds: ['maxPool'], preserving }),
      node('maxPool', 'MaxPool', { preserving: true }),
    )
  expect([of().preserving, of(false).preserving, of(true).preserving]).toEqual([true, false, true])
})
