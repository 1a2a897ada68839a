import { check, infeasible, lossOf, type Problem, problemError, type Solution, utilizationOf } from './problem.ts'

/**
 * The oracle: tries every assignment.
 * @throws `PROBLEM_TOO_LARGE` above ten million assignments.
 */
export function exhaustive(given: Problem): Solution {
  const { problem, original, warnings } = check(given)
  const count = problem.items.reduce((product, { choices }) => product * choices.length, 1)
  if (count > 1e7) throw problemError('PROBLEM_TOO_LARGE', `There are ${count} assignments.`, 'Use solve().')
  const choice = problem.items.map(() => 0)
  let best: number[] | null = null
  for (let n = 0; n < count; n++) {
    let rest = n
    for (const [i, { choices }] of problem.items.entries()) {
      choice[i] = rest % choices.length
      rest = Math.floor(rest / choices.length)
    }
    const fits = utilizationOf(problem, choice).every((used, b) => used <= problem.budgets[b]!.limit)
    if (fits && (best === null || lossOf(problem, choice) < lossOf(problem, best))) best = [...choice]
  }
  const { smallest, binding } = infeasible(problem)
  if (!best)
    return {
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
  const objective = lossOf(problem, best)
  return {
    status: 'optimal',
    choice: best.map((k, i) => original[i]![k]!),
    objective,
    bound: objective,
    gap: 0,
    utilization: utilizationOf(problem, best),
    warnings,
  }
}
