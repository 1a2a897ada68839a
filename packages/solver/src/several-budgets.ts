import type { Answer } from './one-budget.ts'
import { lossOf, type Problem, utilizationOf } from './problem.ts'

/** Several budgets go to GLPK's branch and cut (the answer is checked in exact arithmetic); null when nothing fits. */
export async function solveSeveralBudgets(problem: Problem, deadline: number): Promise<Answer | null> {
  const glpk = await load()
  const { items, budgets } = problem
  const name = (i: number, k: number) => `x${i}_${k}`
  const scale = Math.max(1e-300, ...items.flatMap(({ choices }) => choices.map(({ loss }) => Math.abs(loss))))
  const limited = budgets.flatMap(({ limit }, b) => (Number.isFinite(limit) ? [b] : []))
  const variables = items.flatMap(({ choices }, i) => choices.map((choice, k) => ({ name: name(i, k), choice })))
  const result = await glpk.solve(
    {
      name: 'assignment',
      objective: {
        direction: glpk.GLP_MIN,
        name: 'loss',
        vars: variables.map(({ name, choice }) => ({ name, coef: choice.loss / scale })),
      },
      subjectTo: [
        ...items.map(({ choices }, i) => ({
          name: `item${i}`,
          vars: choices.map((_, k) => ({ name: name(i, k), coef: 1 })),
          bnds: { type: glpk.GLP_FX, ub: 1, lb: 1 },
        })),
        ...limited.map((b) => ({
          name: `budget${b}`,
          vars: variables.map(({ name, choice }) => ({ name, coef: choice.cost[b]! })),
          bnds: { type: glpk.GLP_UP, ub: budgets[b]!.limit, lb: 0 },
        })),
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
  if (status !== glpk.GLP_OPT && status !== glpk.GLP_FEAS) return null
  const choice = items.map(({ choices }, i) => choices.findIndex((_, k) => (vars[name(i, k)] ?? 0) > 0.5))
  const fits =
    choice.every((k) => k >= 0) && utilizationOf(problem, choice).every((used, b) => used <= budgets[b]!.limit)
  if (!fits) return null
  const proven = status === glpk.GLP_OPT
  const unlimited = items.reduce((sum, { choices }) => sum + Math.min(...choices.map(({ loss }) => loss)), 0)
  return { choice, bound: proven ? lossOf(problem, choice) : unlimited, proven }
}

type Glpk = Awaited<ReturnType<typeof import('glpk.js')['default']>>

/** In Node the synchronous build (the other one wants a browser's Worker). */
async function load(): Promise<Glpk> {
  const inNode = typeof process !== 'undefined' && process.versions?.node !== undefined
  const module = inNode ? await import('glpk.js/node') : await import('glpk.js')
  return (await (module.default as unknown as () => Glpk | Promise<Glpk>)()) as Glpk
}
