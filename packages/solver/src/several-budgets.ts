import { type Answer, type Stop, solveOneBudget } from './one-budget.ts'
import { type Choice, lossOf, type Problem, problemError, utilizationOf } from './problem.ts'

/**
 * Several budgets go to GLPK's branch and cut, in a problem that is as small and as well scaled as it can be made first:
 * each budget on its own gives a lower bound (and the answer, when it keeps the others too), the largest share of any
 * budget as the one cost gives an assignment that keeps them all, and choices that lose more than that are left out.
 * Null when nothing fits.
 * @throws `SOLVER_TIME_LIMIT` when the time ended before any assignment inside all budgets was found.
 */
export async function solveSeveralBudgets(problem: Problem, stop: Stop): Promise<Answer | null> {
  const { budgets } = problem
  const fits = (choice: readonly number[]) =>
    utilizationOf(problem, choice).every((used, b) => used <= budgets[b]!.limit)
  let bound = Number.NEGATIVE_INFINITY
  for (const [b, budget] of budgets.entries()) {
    const alone = await solveOneBudget(
      withCosts(problem, budget.limit, ({ cost }) => cost[b]!),
      stop,
    )
    if (!alone) return null
    if (alone.proven && fits(alone.choice)) return alone
    bound = Math.max(bound, alone.bound)
  }
  const shares = withCosts(problem, 1, ({ cost }) => Math.max(...cost.map((c, b) => shareOf(c, budgets[b]!.limit))))
  const inside = await solveOneBudget(shares, stop)
  const start = inside && fits(inside.choice) ? inside.choice : null
  const found = await withinBudgets(problem, start, stop)
  if (found.status === 'infeasible') return null
  const answers = [start, found.choice].filter((choice) => choice !== null && fits(choice)) as number[][]
  if (answers.length === 0)
    throw problemError(
      'SOLVER_TIME_LIMIT',
      'The time limit came before any assignment inside all budgets was found.',
      'Allow more time (timeLimitMs), or relax a budget.',
    )
  const choice = answers.reduce((a, b) => (lossOf(problem, b) < lossOf(problem, a) ? b : a))
  const loss = lossOf(problem, choice)
  return {
    choice,
    bound: found.status === 'optimal' ? loss : Math.min(bound, loss),
    proven: found.status === 'optimal',
  }
}

const shareOf = (cost: number, limit: number): number => (limit > 0 ? cost / limit : cost > 0 ? 2 : 0)

/** The same items with one cost, for one budget. */
const withCosts = (problem: Problem, limit: number, costOf: (choice: Choice) => number): Problem => ({
  ...problem,
  budgets: [{ name: 'one', limit }],
  items: problem.items.map((item) => ({
    ...item,
    choices: item.choices.map((choice) => ({ ...choice, cost: [costOf(choice)] })),
  })),
})

/**
 * GLPK keeps a budget only up to a relative tolerance. An answer beyond it is no answer: budgets that it overdraws are
 * lowered by as much, which may cut off the optimum, so that what comes then is no proof any more.
 */
async function withinBudgets(problem: Problem, start: readonly number[] | null, stop: Stop) {
  let budgets = problem.budgets
  for (let attempt = 0; ; attempt++) {
    const found = await byGlpk({ ...problem, budgets }, start, stop)
    const overdraft = utilizationOf(problem, found.choice ?? []).map((used, b) => used - problem.budgets[b]!.limit)
    if (found.choice === null || overdraft.every((over) => over <= 0) || attempt === 8)
      return attempt === 0 ? found : { ...found, status: 'feasible' as const }
    budgets = budgets.map(({ name, limit }, b) => ({
      name,
      limit: overdraft[b]! > 0 ? limit - 2 * overdraft[b]! : limit,
    }))
  }
}

/** Losses reach GLPK between 0 and this: its tolerances are absolute, so small numbers would count as nothing. */
const lossScale = 1e6

async function byGlpk({ items, budgets }: Problem, start: readonly number[] | null, { deadline }: Stop) {
  const glpk = await load()
  const name = (i: number, k: number) => `x${i}_${k}`
  const least = items.map(({ choices }) => Math.min(...choices.map(({ loss }) => loss)))
  const excess = (i: number, { loss }: Choice) => loss - least[i]!
  const most = start?.reduce((sum, k, i) => sum + excess(i, items[i]!.choices[k]!), 0) ?? Number.POSITIVE_INFINITY
  const variables = items.flatMap(({ choices }, i) =>
    choices.flatMap((choice, k) =>
      excess(i, choice) > most * (1 + 1e-9) ? [] : [{ name: name(i, k), item: i, choice, excess: excess(i, choice) }],
    ),
  )
  const scale = lossScale / Math.max(1e-300, ...variables.map(({ excess }) => excess))
  const byItem = items.map((_, i) => variables.filter(({ item }) => item === i))
  const result = await glpk.solve(
    {
      name: 'assignment',
      objective: {
        direction: glpk.GLP_MIN,
        name: 'loss',
        vars: variables.map(({ name, excess }) => ({ name, coef: excess * scale })),
      },
      subjectTo: [
        ...byItem.map((own, i) => ({
          name: `item${i}`,
          vars: own.map(({ name }) => ({ name, coef: 1 })),
          bnds: { type: glpk.GLP_FX, ub: 1, lb: 1 },
        })),
        ...budgets.flatMap(({ limit }, b) =>
          Number.isFinite(limit)
            ? [
                {
                  name: `budget${b}`,
                  vars: variables.map(({ name, choice }) => ({ name, coef: choice.cost[b]! })),
                  bnds: { type: glpk.GLP_UP, ub: limit, lb: 0 },
                },
              ]
            : [],
        ),
      ],
      binaries: variables.map(({ name }) => name),
    },
    {
      msglev: glpk.GLP_MSG_OFF,
      presol: true,
      mipgap: 0,
      tmlim: Math.max(1, Math.ceil((deadline - performance.now()) / 1000)),
    },
  )
  const { status, vars } = result.result
  if (status === glpk.GLP_NOFEAS || status === glpk.GLP_INFEAS) return { status: 'infeasible' as const, choice: null }
  const choice = items.map(({ choices }, i) => choices.findIndex((_, k) => (vars[name(i, k)] ?? 0) > 0.5))
  return {
    status: status === glpk.GLP_OPT ? ('optimal' as const) : ('feasible' as const),
    choice: choice.every((k) => k >= 0) ? choice : null,
  }
}

type Glpk = Awaited<ReturnType<typeof import('glpk.js')['default']>>

/** The synchronous build, except on the main thread of a page: the other one starts a Worker of its own, which Node and workers do without. */
async function load(): Promise<Glpk> {
  const onMainThread = 'document' in globalThis
  const module = onMainThread ? await import('glpk.js') : await import('glpk.js/node')
  return (await (module.default as unknown as () => Glpk | Promise<Glpk>)()) as Glpk
}
