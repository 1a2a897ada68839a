import { existsSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { exhaustive } from './exhaustive.ts'
import { frontier } from './frontier.ts'
import type { Problem } from './problem.ts'
import { solve } from './solve.ts'

const problems = (budgets: number) =>
  fc
    .record({
      items: fc.array(
        fc.array(
          fc.tuple(
            fc.integer({ min: -5, max: 60 }),
            fc.array(fc.integer({ min: 0, max: 40 }), { minLength: budgets, maxLength: budgets }),
          ),
          { minLength: 1, maxLength: 4 },
        ),
        { minLength: 1, maxLength: 6 },
      ),
      limits: fc.array(fc.integer({ min: 0, max: 160 }), { minLength: budgets, maxLength: budgets }),
    })
    .map(
      ({ items, limits }): Problem => ({
        items: items.map((choices, i) => ({
          id: `n${i}`,
          choices: choices.map(([loss, cost]) => ({ loss: loss / 8, cost: cost.map((c) => c / 2) })),
        })),
        budgets: limits.map((limit, b) => ({ name: `b${b}`, limit: limit / 2 })),
      }),
    )

function random() {
  let state = 1
  return () => {
    state = (state * 48271) % 2147483647
    return state / 2147483647
  }
}

/** What an item costs is what it saves, so bounds tell nothing apart: as hard as subset sum. */
function hard(count: number): Problem {
  const next = random()
  const items = Array.from({ length: count }, (_, i) => ({
    id: `n${i}`,
    choices: Array.from({ length: 6 }, () => next()).map((cost) => ({ loss: 1 - cost, cost: [cost] })),
  }))
  return { items, budgets: [{ name: 'b', limit: count * 0.4 }] }
}

describe('solve', () => {
  for (const budgets of [1, 2, 3])
    test(`loses as little as trying everything, with ${budgets} budget(s)`, async () => {
      await fc.assert(
        fc.asyncProperty(problems(budgets), async (problem) => {
          const [answer, oracle] = [await solve(problem), exhaustive(problem)]
          expect(answer.status).toBe(oracle.status)
          expect(answer.objective).toBeCloseTo(oracle.objective, 9)
          if (answer.status === 'infeasible') return
          for (const [b, used] of answer.utilization.entries())
            expect(used).toBeLessThanOrEqual(problem.budgets[b]!.limit)
          expect(answer.gap).toBeCloseTo(0, 9)
        }),
        { numRuns: budgets === 1 ? 400 : 80, seed: 7 },
      )
    })

  test('counts small losses beside losses a billion times as large', async () => {
    await fc.assert(
      fc.asyncProperty(problems(2), async (given) => {
        const items = given.items.map((item) => ({
          ...item,
          choices: item.choices.map((choice) => ({ ...choice, loss: 4 ** (4 * choice.loss - 15) })),
        }))
        const [answer, oracle] = [await solve({ ...given, items }), exhaustive({ ...given, items })]
        if (oracle.status === 'optimal') expect(answer.objective / oracle.objective).toBeCloseTo(1, 6)
      }),
      { numRuns: 80, seed: 7 },
    )
  })

  test('keeps several budgets to the last digit, beyond the tolerance of GLPK', async () => {
    const next = random()
    const items = Array.from({ length: 30 }, (_, i) => {
      const cost = 1000 * next()
      return {
        id: `n${i}`,
        choices: [
          { loss: 0, cost: [cost, 0] },
          { loss: 0, cost: [0, cost] },
        ],
      }
    })
    const half = items.reduce((sum, { choices }) => sum + choices[0]!.cost[0]!, 0) / 2
    const limits = [half * (1 + 1e-6), half * (1 + 1e-6)]
    const answer = await solve({
      items,
      budgets: limits.map((limit, b) => ({ name: `b${b}`, limit })),
      timeLimitMs: 5000,
    })
    expect(answer.utilization.every((used, b) => used <= limits[b]!)).toBe(true)
  })

  test('stops at an abort', async () => {
    const problem = hard(60)
    const reason = new Error('enough')
    await expect(solve(problem, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })

  test('gives up at the time limit with an assignment that fits and a bound that is proven', async () => {
    const answer = await solve({ ...hard(60), timeLimitMs: 1 })
    expect(answer.status).toBe('feasible')
    expect(answer.utilization[0]).toBeLessThanOrEqual(24)
    expect(answer.bound).toBeLessThanOrEqual(answer.objective)
  })

  test('never loses more under a larger budget', async () => {
    await fc.assert(
      fc.asyncProperty(problems(1), fc.integer({ min: 0, max: 40 }), async (problem, more) => {
        const larger = { ...problem, budgets: [{ name: 'b', limit: problem.budgets[0]!.limit + more }] }
        expect((await solve(larger)).objective).toBeLessThanOrEqual((await solve(problem)).objective)
      }),
      { numRuns: 200, seed: 7 },
    )
  })

  test('solves a thousand items exactly and inside the budget', async () => {
    const next = random()
    const items = Array.from({ length: 1000 }, (_, i) => {
      const size = Math.ceil(next() * 10000)
      return {
        id: `n${i}`,
        choices: [8, 6, 5, 4, 3, 2].map((bits) => ({ loss: next() * 4 ** -bits * size, cost: [(size * bits) / 8] })),
      }
    })
    const all = items.reduce((sum, { choices }) => sum + choices[0]!.cost[0]!, 0)
    const answer = await solve({ items, budgets: [{ name: 'bytes', limit: all / 2 }] })
    expect(answer.status).toBe('optimal')
    expect(answer.utilization[0]).toBeLessThanOrEqual(all / 2)
  })

  test('drops choices that are not finite, with a warning, and keeps the original indices', async () => {
    const answer = await solve({
      items: [
        {
          id: 'n1',
          choices: [
            { loss: Number.NaN, cost: [1] },
            { loss: 1, cost: [1] },
          ],
        },
      ],
      budgets: [{ name: 'b', limit: 5 }],
    })
    expect(answer.choice).toEqual([1])
    expect(answer.warnings[0]).toContain('n1: dropped choices with a loss that is not finite: 0 (NaN)')
  })

  test('an infeasible problem tells the smallest achievable cost and what binds', async () => {
    const item = (id: string, cost: number) => ({
      id,
      choices: [
        { loss: 0, cost: [cost * 2] },
        { loss: 1, cost: [cost] },
      ],
    })
    const answer = await solve({ items: [item('small', 3), item('large', 50)], budgets: [{ name: 'b', limit: 20 }] })
    expect(answer).toMatchObject({ status: 'infeasible', smallest: [53], binding: ['large', 'small'] })
  })

  test('lists all faults of a problem at once', async () => {
    const faulty = {
      items: [
        { id: 'a', choices: [] },
        { id: 'b', choices: [{ loss: 0, cost: [-1] }] },
      ],
      budgets: [{ name: 'bytes', limit: Number.NaN }],
    }
    await expect(solve(faulty)).rejects.toMatchObject({
      name: 'MixbitError',
      code: 'PROBLEM_INVALID',
      context: { faults: { length: 3 } },
    })
  })
})

test('every point of the frontier is optimal for a budget of its cost', async () => {
  await fc.assert(
    fc.asyncProperty(problems(1), async (problem) => {
      for (const { cost, loss, choice } of frontier(problem)) {
        const exact = exhaustive({ ...problem, budgets: [{ name: 'b', limit: cost }] })
        expect(loss).toBeCloseTo(exact.objective, 9)
        expect(choice.reduce((sum, k, i) => sum + problem.items[i]!.choices[k]!.loss, 0)).toBeCloseTo(loss, 9)
      }
    }),
    { numRuns: 100, seed: 3 },
  )
})

const file = '../shared/reference/cases.json'
const number = (x: unknown) => (x === 'NaN' ? Number.NaN : x === 'Infinity' ? Number.POSITIVE_INFINITY : Number(x))
const cases = existsSync(file)
  ? JSON.parse(readFileSync(file, 'utf8')).cases.filter(
      ({ area, inputs }: { area: string; inputs: { ru?: unknown } }) => area === 'ilp' && inputs.ru,
    )
  : []

describe.skipIf(cases.length === 0)('the reference', () => {
  for (const { name, inputs, expected } of cases)
    test(name, async () => {
      const names = Object.keys(inputs.constraints)
      const rows = inputs.ru[names[0]!].length
      let row = 0
      const items = Object.entries(inputs.sensitivity as Record<string, unknown[]>).map(([id, losses]) => ({
        id,
        choices: losses.map((loss) => {
          const cost = names.flatMap((budget) => inputs.ru[budget][row] as number[])
          row++
          return { loss: number(loss), cost }
        }),
      }))
      expect(row).toBe(rows)
      const budgets = names.flatMap((budget) =>
        (inputs.constraints[budget] as number[]).map((limit, i) => ({ name: `${budget}${i}`, limit })),
      )
      const answer = await solve({ items, budgets })
      if (expected.error) expect(answer.status).toBe('infeasible')
      else expect(Object.fromEntries(items.map(({ id }, i) => [id, answer.choice[i]]))).toEqual(expected)
    })
})
