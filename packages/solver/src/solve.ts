import { solveOneBudget } from './one-budget.ts'
import { check, infeasible, lossOf, type Problem, type Solution, utilizationOf } from './problem.ts'
import { solveSeveralBudgets } from './several-budgets.ts'

/**
 * The assignment of least summed loss inside every budget: exact for one budget, by GLPK for several.
 * Infeasible is an answer, not an error; an aborted `signal` rejects with its reason.
 * @throws `PROBLEM_INVALID`, `LOSS_NOT_FINITE`, `SOLVER_TIME_LIMIT` (MixbitErrors by shape).
 */
export async function solve(
  given: Problem,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Solution> {
  signal?.throwIfAborted()
  const { problem, original, warnings } = check(given)
  const stop = { deadline: performance.now() + (given.timeLimitMs ?? 60_000), signal }
  const { violated, smallest, binding } = infeasible(problem)
  const none: Solution = {
    status: 'infeasible',
    choice: [],
    objective: Number.POSITIVE_INFINITY,
    bound: Number.POSITIVE_INFINITY,
    gap: 0,
    utilization: [],
    warnings,
    smallest,
    binding,
  }
  if (violated) return none
  const single =
    problem.budgets.length === 0
      ? {
          ...problem,
          budgets: [{ name: 'none', limit: 0 }],
          items: problem.items.map((item) => ({ ...item, choices: item.choices.map((c) => ({ ...c, cost: [0] })) })),
        }
      : problem
  const answer =
    single.budgets.length === 1 ? await solveOneBudget(single, stop) : await solveSeveralBudgets(problem, stop)
  if (!answer) return none
  const objective = lossOf(problem, answer.choice)
  return {
    status: answer.proven ? 'optimal' : 'feasible',
    choice: answer.choice.map((k, i) => original[i]![k]!),
    objective,
    bound: answer.bound,
    gap: (objective - answer.bound) / Math.max(1e-12, Math.abs(objective)),
    utilization: utilizationOf(problem, answer.choice),
    warnings,
  }
}
