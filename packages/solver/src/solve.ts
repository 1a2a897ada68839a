import { solveOneBudget } from './one-budget.ts'
import { check, infeasible, lossOf, type Problem, type Solution, utilizationOf } from './problem.ts'
import { solveSeveralBudgets } from './several-budgets.ts'

/**
 * The assignment of least summed loss inside every budget: exact for one budget, by GLPK for several.
 * @throws `PROBLEM_INVALID`, `LOSS_NOT_FINITE` (MixbitErrors by shape). An infeasible problem is an answer, not an error.
 */
export async function solve(given: Problem): Promise<Solution> {
  const { problem, original, warnings } = check(given)
  const deadline = performance.now() + (given.timeLimitMs ?? 60_000)
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
    single.budgets.length === 1 ? solveOneBudget(single, deadline) : await solveSeveralBudgets(problem, deadline)
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
