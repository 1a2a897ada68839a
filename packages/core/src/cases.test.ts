// The cases of the reference on what is free to choose, and on refinement.
import { existsSync, readFileSync } from 'node:fs'
import { exhaustive } from '@mixbit/solver'
import { describe, expect, test } from 'vitest'
import { assign, freedom, itemsOf, type Search } from './assign.ts'
import { layer } from './search.fixture.ts'

const file = '../shared/reference/cases.json'
const there = existsSync(file)
const cases = there ? JSON.parse(readFileSync(file, 'utf8')).cases : []
// biome-ignore lint/suspicious/noExplicitAny: the cases are of many shapes
const caseOf = (name: string): any => cases.find((one: { name: string }) => one.name === name)

const targets = {
  weights_memory: 'weightsMemory',
  activation_memory: 'activationMemory',
  total_memory: 'totalMemory',
  bops: 'bops',
} as const

describe.skipIf(!there)('what a budget leaves free', () => {
  const countsFor = ({ inputs }: ReturnType<typeof caseOf>) => {
    const restricted = inputs.restricted_targets as (keyof typeof targets)[]
    const free = freedom(Object.fromEntries(restricted.map((name) => [targets[name], 1])))
    return {
      n_activation_candidates: free.activations ? inputs.activation_node_candidate_bits.length : 1,
      n_weights_candidates: free.weights ? inputs.weights_node_candidate_bits.length : 1,
    }
  }

  for (const name of [
    'weights_memory',
    'activation_memory',
    'weights_memory+activation_memory',
    'total_memory',
    'bops',
  ])
    test(`candidate-filter/${name}`, () => {
      const one = caseOf(`candidate-filter/${name}`)
      expect(countsFor(one)).toEqual(one.expected)
    })

  // The reference filters candidates only when something is restricted, and then never searches without a restriction: what its
  // filter keeps is never chosen from. Here the same question has the answer of the job: nothing is free.
  test('candidate-filter/none: without a budget nothing is searched, so nothing is free, where the reference keeps candidates it never uses', async () => {
    const one = caseOf('candidate-filter/none')
    expect(one.expected).toEqual({ n_activation_candidates: 2, n_weights_candidates: 2 })
    expect(countsFor(one)).toEqual({ n_activation_candidates: 1, n_weights_candidates: 1 })
    const layers = [layer('a', 100, [8, 4])]
    const { assignment, solution } = await assign({
      layers,
      activations: [],
      scores: { weights: [[1, 0]], activations: [] },
      budget: {},
    })
    expect([assignment.weights[0]!.bits, solution]).toEqual([8, null])
  })
})

describe.skipIf(!there)('refinement/smallest-upgrade-first', () => {
  const { inputs, expected } = there
    ? caseOf('refinement/smallest-upgrade-first')
    : { inputs: { nodes: {} }, expected: {} }
  const nodes = Object.entries(inputs.nodes as Record<string, { weights: number; w_bits: number[] }>)
  const layers = nodes.map(([node, { weights, w_bits }]) => layer(node, weights, w_bits))
  const bytes = (picks: readonly number[]) =>
    picks.reduce((sum, k, i) => sum + layers[i]!.candidates[k]!.weightsBytes, 0)
  const picksOf = (choice: Record<string, number>) => nodes.map(([node]) => choice[node]!)
  const searchWith = (weights: number[][]): Search => ({
    layers,
    activations: [],
    scores: { weights, activations: [] },
    budget: { weightsMemory: inputs.target.weights_memory },
  })

  test('counts the bytes of every step as the reference does', () => {
    let picks = picksOf(inputs.solution)
    for (const { node, to, bytes: after } of expected.steps) {
      picks = picks.with(
        nodes.findIndex(([name]) => name === node),
        to,
      )
      expect(bytes(picks)).toBe(after)
    }
    expect([picks, bytes(picks)]).toEqual([picksOf(expected.final), expected.final_bytes])
  })

  // The reference widens the cheapest node, whatever that brings; here the gain per byte decides, and never at the cost of the objective.
  test('goes by gain per byte instead of size: in the budget, never worse on the objective than the steps of the reference, and as good as the best', async () => {
    const sensitivities = [
      [
        [0, 0, 0],
        [0, 0, 0],
      ],
      [
        [0, 1, 2],
        [0, 1, 2],
      ],
      [
        [0, 50, 100],
        [0, 1, 2],
      ],
      [
        [0, 1, 2],
        [0, 50, 100],
      ],
      // Wider is not always better: the reference widens all the same.
      [
        [5, 1, 0],
        [3, 2, 0],
      ],
    ]
    for (const scores of sensitivities) {
      const search = searchWith(scores)
      const { assignment } = await assign(search)
      const picks = layers.map(({ candidates }, i) => candidates.indexOf(assignment.weights[i]!))
      const loss = (choice: readonly number[]) => choice.reduce((sum, k, i) => sum + scores[i]![k]!, 0)
      expect(bytes(picks)).toBeLessThanOrEqual(inputs.target.weights_memory)
      expect(loss(picks)).toBeLessThanOrEqual(loss(picksOf(expected.final)))
      const limits = [{ name: 'weightsMemory', limit: inputs.target.weights_memory }]
      expect(loss(picks)).toBe(exhaustive({ items: itemsOf(search), budgets: limits }).objective)
    }
  })

  test('where nothing is lost by it, as many bits are handed out as in the reference', async () => {
    const { assignment } = await assign(
      searchWith([
        [0, 0, 0],
        [0, 0, 0],
      ]),
    )
    const used = assignment.weights.reduce((sum, { weightsBytes }) => sum + weightsBytes, 0)
    expect(used).toBe(expected.final_bytes)
  })
})
