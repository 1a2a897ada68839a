import type { Choice } from '@mixbit/core'
import { expect, test } from 'vitest'
import type { AnalysisSummary, Method, Rival } from '../worker/protocol.ts'
import { predictedDistance, remedyFor } from './choices.ts'

const rival = (method: Method, starved: boolean, loss: number): Rival => ({
  weighting: { method, sigma: 0.1 },
  choice: {
    outputLayers: [{ output: 'y', node: 'dense', bits: starved ? 2 : 4, activationBits: null, starved }],
  } as unknown as Choice,
  loss,
})
const avg = { method: 'AVG', sigma: 0.1 } as const

test('the remedy starves nothing, even where something that starves loses less', () => {
  const rivals = [
    rival('AVG', true, 2),
    rival('EXP', true, 1),
    rival('OUTPUT', false, 3),
    rival('LAST_LAYER', false, 2.5),
  ]
  expect(remedyFor(avg, rivals)?.weighting.method).toBe('LAST_LAYER')
})

test('where all starve, the one that loses least is the remedy, unless that is the current one', () => {
  expect(remedyFor(avg, [rival('AVG', true, 2), rival('OUTPUT', true, 1)])?.weighting.method).toBe('OUTPUT')
  expect(remedyFor(avg, [rival('AVG', true, 1), rival('OUTPUT', true, 1)])).toBeNull()
  expect(remedyFor(avg, [])).toBeNull()
})

test('the predicted distance sums what each chosen candidate did alone', () => {
  const row = (node: string, at: Record<number, number>) => ({
    node,
    candidates: Object.entries(at).map(([bits, distance]) => ({
      bits: Number(bits),
      points: [9],
      outputs: [distance, distance],
      losses: [],
    })),
  })
  const analysis = {
    sensitivity: { rows: [row('a', { 8: 1, 4: 2 }), row('b', { 8: 10, 4: 20 })] },
  } as unknown as AnalysisSummary
  expect(predictedDistance(analysis, { bits: [4, 8], activationBits: [] } as unknown as Choice)).toBe(12)
})
