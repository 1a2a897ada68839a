import type { Item } from '@mixbit/solver'
import { solve } from '@mixbit/solver'
import { expect, test } from 'vitest'
import { bopsOf, macsOf, mergeForBops } from './bops.ts'

const widths = [8, 4, 2]

function random(seed: number) {
  let state = seed
  return () => {
    state = (state * 48271) % 2147483647
    return state / 2147483647
  }
}

test('finds what trying everything finds, with activations that several layers read and layers that read floats', async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const next = random(seed)
    const item = (id: string): Item => ({
      id,
      choices: widths.map((bits) => ({ loss: next() * (9 - bits), cost: [], label: `${bits}` })),
    })
    const items = ['l0', 'l1', 'l2', 'l3', 'a0', 'a1'].map(item)
    const reads = [0, 0, 1, null]
    const macs = reads.map(() => Math.ceil(next() * 100))
    const all = Array.from({ length: 3 ** 6 }, (_, code) =>
      Array.from({ length: 6 }, (_, i) => Math.floor(code / 3 ** i) % 3),
    )
    const bitsOf = (choice: readonly number[]) => choice.map((k) => widths[k]!)
    const costOf = (choice: readonly number[]) =>
      bopsOf({ macs, reads }, bitsOf(choice.slice(0, 4)), bitsOf(choice.slice(4)))
    const lossOf = (choice: readonly number[]) => choice.reduce((sum, k, i) => sum + items[i]!.choices[k]!.loss, 0)
    const limit = costOf([0, 0, 0, 0, 0, 0]) * (0.2 + 0.5 * next())
    const merged = mergeForBops(items, 4, { limit, macs, reads })
    const answer = await solve({ items: merged.map((one) => one.item), budgets: [{ name: 'bops', limit }] })
    const choice = new Array<number>(6).fill(-1)
    for (const [m, { members, picks }] of merged.entries())
      for (const [i, member] of members.entries()) choice[member] = picks[answer.choice[m]!]![i]!
    const best = Math.min(...all.filter((one) => costOf(one) <= limit).map(lossOf))
    expect(lossOf(choice)).toBeCloseTo(best, 9)
    expect(answer.objective).toBeCloseTo(best, 9)
    expect(costOf(choice)).toBeCloseTo(answer.utilization[0]!, 6)
  }
})

// ru-calc/bops-node of the reference: 42 macs, activations of 7 or 16 bits, weights of 2 or 4.
test('counts as the reference does', () => {
  const of = (weights: number, activation: number | null) =>
    bopsOf({ macs: [42], reads: [activation === null ? null : 0] }, [weights], [activation ?? 0])
  expect([of(32, null), of(2, 7), of(4, 16), of(32, 7)]).toEqual([43008, 588, 2688, 9408])
})

test('macs are the weights, once per position of the output', () => {
  expect(macsOf('conv', [8, 3, 3, 3], [1, 8, 10, 12])).toBe(8 * 27 * 120)
  expect(macsOf('depthwiseConv', [8, 1, 3, 3], [1, 8, 5, 5])).toBe(8 * 9 * 25)
  expect(macsOf('conv', [3, 3, 3, 8], [1, 10, 12, 8], 3)).toBe(8 * 27 * 120)
  expect(macsOf('depthwiseConv', [3, 3, 8, 1], [1, 5, 5, 8], 2)).toBe(8 * 9 * 25)
  expect(macsOf('dense', [16, 5], [1, 5])).toBe(80)
  expect(macsOf('dense', [16, 5], [1, 7, 5])).toBe(560)
})
