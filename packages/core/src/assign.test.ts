import type { MixbitError } from '@mixbit/graph'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { activationMemory } from './activation-memory.ts'
import { assign, type Budget, type Search } from './assign.ts'
import { bopsOf } from './bops.ts'
import { activation, layer } from './search.fixture.ts'

type Picks = readonly number[]
type Name = keyof Budget

/** What an assignment takes of every target, straight from the definitions. */
function utilization({ layers, activations, budget }: Search, picks: Picks): Record<string, number> {
  const weights = layers.map(({ candidates }, i) => candidates[picks[i]!]!)
  const activationBits = activations.map(({ candidates }, i) => candidates[picks[layers.length + i]!]!.bits)
  const weightsMemory = weights.reduce((sum, one) => sum + one.weightsBytes, 0)
  const used = new Set(weights.map(({ bits }) => bits))
  const { fileSize, activationMemory: memory, totalMemory, bops } = budget
  const once = [...(fileSize?.once ?? [])].reduce((sum, [bits, bytes]) => sum + (used.has(bits) ? bytes : 0), 0)
  return {
    weightsMemory,
    fileSize: (fileSize?.fixed ?? 0) + once + weights.reduce((sum, one) => sum + one.fileBytes, 0),
    activationMemory: activationMemory(memory?.cuts ?? [], activationBits),
    totalMemory: weightsMemory + activationMemory(totalMemory?.cuts ?? [], activationBits),
    bops: bops
      ? bopsOf(
          bops,
          weights.map(({ bits }) => bits),
          activationBits,
        )
      : 0,
  }
}

/** Every assignment that the budget leaves free, by trying. */
function everyAssignment({ layers, activations, budget }: Search): number[][] {
  const names = Object.keys(budget)
  const free = (list: Name[]) => names.some((name) => list.includes(name as Name))
  const choices = [
    ...layers.map(() => free(['weightsMemory', 'fileSize', 'totalMemory', 'bops'])),
    ...activations.map(() => free(['activationMemory', 'totalMemory', 'bops'])),
  ]
  return choices.reduce<number[][]>(
    (all, isFree) => all.flatMap((picks) => (isFree ? [0, 1, 2] : [0]).map((k) => [...picks, k])),
    [[]],
  )
}

const limitOf = (budget: Budget, name: Name): number => {
  const whole = budget[name]!
  return typeof whole === 'number' ? whole : whole.limit
}
const lossOf = ({ layers, scores }: Search, picks: Picks) =>
  picks.reduce(
    (sum, k, i) => sum + (i < layers.length ? scores.weights[i]![k]! : scores.activations[i - layers.length]![k]!),
    0,
  )

const names: Name[] = ['weightsMemory', 'fileSize', 'activationMemory', 'totalMemory', 'bops']

/** Small searches with any combination of budgets; limits from what nothing fits to what everything fits. */
const searches = fc
  .record({
    weights: fc.array(
      fc.record({
        elements: fc.integer({ min: 1, max: 40 }),
        losses: fc.array(fc.nat(20), { minLength: 3, maxLength: 3 }),
        reads: fc.nat(3),
        macs: fc.nat(50),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    activations: fc.array(fc.array(fc.nat(20), { minLength: 3, maxLength: 3 }), { maxLength: 3 }),
    cuts: fc.array(fc.record({ fixed: fc.nat(20), elements: fc.array(fc.nat(30), { minLength: 3, maxLength: 3 }) }), {
      minLength: 1,
      maxLength: 3,
    }),
    once: fc.subarray([4, 2]),
    chosen: fc.subarray(names, { minLength: 1 }),
    tightness: fc.array(fc.double({ min: 0.15, max: 1, noNaN: true }), { minLength: 5, maxLength: 5 }),
  })
  .map(({ weights, activations, cuts: allCuts, once, chosen, tightness }): Search => {
    const cuts = allCuts.map(({ fixed, elements }) => ({ fixed, elements: elements.slice(0, activations.length) }))
    const bops = {
      macs: weights.map(({ macs }) => macs),
      reads: weights.map(({ reads }) => (reads < activations.length ? reads : null)),
    }
    const budgetOf = (limits: readonly number[]): Budget => ({
      weightsMemory: limits[0]!,
      fileSize: { limit: limits[1]!, fixed: 30, once: new Map(once.map((bits) => [bits, bits * 5])) },
      activationMemory: { limit: limits[2]!, cuts },
      totalMemory: { limit: limits[3]!, cuts },
      bops: { ...bops, limit: limits[4]! },
    })
    const search: Search = {
      layers: weights.map(({ elements }, i) => layer(`w${i}`, elements)),
      activations: activations.map((_, i) => activation(`a${i}`)),
      scores: {
        weights: weights.map(({ losses }) => losses.toSorted((a, b) => a - b)),
        activations: activations.map((losses) => losses.toSorted((a, b) => a - b)),
      },
      budget: budgetOf([0, 0, 0, 0, 0]),
    }
    const widest = utilization(
      search,
      [...search.layers, ...search.activations].map(() => 0),
    )
    const limits = names.map((name, i) => Math.max(1, Math.round(widest[name]! * tightness[i]!)))
    const budget = Object.fromEntries(
      Object.entries(budgetOf(limits)).filter(([name]) => chosen.includes(name as Name)),
    )
    return { ...search, budget }
  })

test('any combination of budgets is served as well as by trying everything, or refused with the least of each target', async () => {
  let [feasible, refused] = [0, 0]
  await fc.assert(
    fc.asyncProperty(searches, async (search) => {
      const { layers, activations, budget } = search
      const set = Object.keys(budget) as Name[]
      const all = everyAssignment(search)
      const fits = (used: Record<string, number>) => set.every((name) => used[name]! <= limitOf(budget, name) + 1e-9)
      const fitting = all.filter((picks) => fits(utilization(search, picks)))
      const answer = await assign(search).catch((error: MixbitError) => error)
      if (fitting.length === 0) {
        refused++
        expect(answer).toMatchObject({ code: 'BUDGET_INFEASIBLE' })
        const { smallest, binding } = (answer as MixbitError).context as Record<string, Record<string, unknown>>
        for (const name of set)
          expect([name, smallest![name]]).toEqual([
            name,
            Math.ceil(Math.min(...all.map((picks) => utilization(search, picks)[name]!))),
          ])
        // What binds is told for every target that is missed.
        for (const name of set)
          if ((smallest![name] as number) > limitOf(budget, name)) expect(binding![name]).not.toEqual([])
        return
      }
      feasible++
      const { assignment, solution } = answer as Awaited<ReturnType<typeof assign>>
      const picks = [
        ...layers.map(({ candidates }, i) => candidates.indexOf(assignment.weights[i]!)),
        ...activations.map(({ candidates }, i) => candidates.indexOf(assignment.activations[i]!)),
      ]
      const best = Math.min(...fitting.map((one) => lossOf(search, one)))
      expect(fits(utilization(search, picks))).toBe(true)
      expect(lossOf(search, picks)).toBeCloseTo(best, 9)
      expect(solution!.objective).toBeCloseTo(best, 9)
    }),
    { numRuns: 300, seed: 11 },
  )
  expect(Math.min(feasible, refused)).toBeGreaterThan(40)
})

/** Two layers and two activations; the second activation is read by both layers. */
const small = (budget: Budget): Search => ({
  layers: [layer('conv', 100), layer('dense', 20)],
  activations: [activation('x'), activation('h')],
  scores: {
    weights: [
      [0, 1, 5],
      [0, 2, 9],
    ],
    activations: [
      [0, 3, 6],
      [0, 1, 8],
    ],
  },
  budget,
})
const cuts = [
  { fixed: 0, elements: [64, 16] },
  { fixed: 10, elements: [0, 64] },
]
const refusal = (budget: Budget): Promise<MixbitError> =>
  assign(small(budget)).then(
    () => expect.fail('It fits.'),
    (error) => error,
  )

test('a refusal names the least of every missed target and what binds, cut by cut', async () => {
  const error = await refusal({
    weightsMemory: 20,
    activationMemory: { limit: 15, cuts },
    totalMemory: { limit: 500, cuts },
    bops: { limit: 10, macs: [50, 5], reads: [0, null] },
  })
  expect(error.message).toBe(
    'No assignment fits the budget: weightsMemory allows 20 bytes and the smallest achievable is 30; activationMemory allows 15 bytes and the smallest achievable is 26; bops allows 10 bit operations and the smallest achievable is 520.',
  )
  expect(error.hint).toMatch(
    /weightsMemory in conv, dense; activationMemory in h, what stays as it is; bops in dense, x, conv/,
  )
  expect(error.context.smallest).toEqual({ weightsMemory: 30, activationMemory: 26, totalMemory: 56, bops: 520 })
})

test('targets that can be kept alone and not together are said to be so', async () => {
  // 2-bit weights bring a helper of 40 bytes into the file: the smallest weights are not in the smallest file.
  const error = await refusal({ weightsMemory: 40, fileSize: { limit: 80, fixed: 0, once: new Map([[2, 40]]) } })
  expect(error.message).toContain('Each of them can be kept alone, but not all together.')
  expect(error.context.smallest).toEqual({ weightsMemory: 30, fileSize: 74 })
})

test('a candidate of infinite sensitivity is never taken, nor counted as achievable', async () => {
  const search = {
    ...small({ weightsMemory: 40 }),
    scores: {
      weights: [
        [0, 1, Infinity],
        [0, 2, 9],
      ],
      activations: [],
    },
  }
  const error = await assign(search).catch((error: MixbitError) => error)
  expect(error).toMatchObject({ code: 'BUDGET_INFEASIBLE', context: { smallest: { weightsMemory: 55 } } })
  const { assignment, solution } = await assign({ ...search, budget: { weightsMemory: 60 } })
  expect(assignment.weights.map(({ bits }) => bits)).toEqual([4, 4])
  expect(solution!.warnings).toEqual(['Item conv: dropped choices with a loss that is not finite: 2 (Infinity).'])
})

test('refinement keeps the objective and the budget, and takes what is left over', async () => {
  await fc.assert(
    fc.asyncProperty(searches, async (search) => {
      // Few different losses, so that there are ties to settle.
      const flat = (rows: readonly (readonly number[])[]) => rows.map((row) => row.map((x) => (x > 10 ? 1 : 0)))
      const tied = {
        ...search,
        scores: { weights: flat(search.scores.weights), activations: flat(search.scores.activations) },
      }
      const [plain, refined] = await Promise.all([
        assign(tied, { refine: false }).catch(() => null),
        assign(tied).catch(() => null),
      ])
      if (!plain || !refined) return
      const summary = ({ assignment }: typeof plain) => {
        const picks = [
          ...tied.layers.map(({ candidates }, i) => candidates.indexOf(assignment.weights[i]!)),
          ...tied.activations.map(({ candidates }, i) => candidates.indexOf(assignment.activations[i]!)),
        ]
        return { picks, loss: lossOf(tied, picks), used: utilization(tied, picks) }
      }
      const [before, after] = [summary(plain), summary(refined)]
      expect(after.loss).toBeLessThanOrEqual(before.loss)
      for (const name of Object.keys(tied.budget) as Name[])
        expect(after.used[name]).toBeLessThanOrEqual(limitOf(tied.budget, name))
      for (const [i, k] of after.picks.entries()) expect(k).toBeLessThanOrEqual(before.picks[i]!)
    }),
    { numRuns: 100, seed: 5 },
  )
})
