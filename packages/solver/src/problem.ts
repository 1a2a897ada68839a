/** One way to serve an item: what it loses, and what it costs of every budget. */
export interface Choice {
  readonly loss: number
  /** One number per budget, finite and not negative. */
  readonly cost: readonly number[]
  readonly label?: string
}

export interface Item {
  readonly id: string
  readonly choices: readonly Choice[]
}

/** A multiple-choice knapsack: one choice per item, least summed loss, every budget kept. */
export interface Problem {
  readonly items: readonly Item[]
  /** `limit` may be Infinity. */
  readonly budgets: readonly { readonly name: string; readonly limit: number }[]
  /** Default 60000. */
  readonly timeLimitMs?: number
}

export interface Solution {
  /** `feasible`: inside the budgets, but the time limit came before the proof. */
  readonly status: 'optimal' | 'feasible' | 'infeasible'
  /** Per item, the index into its choices as given; empty when infeasible. */
  readonly choice: readonly number[]
  readonly objective: number
  /** Proven: no assignment inside the budgets loses less. */
  readonly bound: number
  /** (objective - bound) / |objective|. */
  readonly gap: number
  /** Summed cost per budget. */
  readonly utilization: readonly number[]
  readonly warnings: readonly string[]
  /** When infeasible: the smallest achievable cost of each budget on its own. */
  readonly smallest?: readonly number[]
  /** When infeasible: the items with most of the smallest cost of the first violated budget, largest first. */
  readonly binding?: readonly string[]
}

/** The error class of Mixbit, by shape: this package imports nothing. */
export function problemError(
  code: string,
  message: string,
  hint: string,
  context: Readonly<Record<string, unknown>> = {},
): Error {
  return Object.assign(new Error(message), { name: 'MixbitError', code, hint, context })
}

/** A problem without unusable choices; `original[i][k]` is the index that choice k of item i had. */
export interface Checked {
  readonly problem: Problem
  readonly original: readonly (readonly number[])[]
  readonly warnings: readonly string[]
}

/**
 * Refuses what no solver can answer, and drops choices whose loss is not finite, with a warning that names them.
 * @throws `PROBLEM_INVALID` with all faults at once, `LOSS_NOT_FINITE` for an item that keeps no choice.
 */
export function check(problem: Problem): Checked {
  const faults = [
    ...problem.budgets
      .filter(({ limit }) => Number.isNaN(limit) || limit < 0)
      .map(({ name, limit }) => `budget ${name} is ${limit}`),
    ...problem.items.filter(({ choices }) => choices.length === 0).map(({ id }) => `item ${id} has no choice`),
    ...problem.items.flatMap(({ id, choices }) =>
      choices.flatMap(({ cost }, k) =>
        cost.length === problem.budgets.length && cost.every((c) => Number.isFinite(c) && c >= 0)
          ? []
          : [`choice ${k} of item ${id} costs [${cost}] for ${problem.budgets.length} budget(s)`],
      ),
    ),
  ]
  if (faults.length > 0)
    throw problemError(
      'PROBLEM_INVALID',
      `The problem cannot be solved: ${faults.slice(0, 5).join('; ')}${faults.length > 5 ? '; ...' : ''}.`,
      'Costs are finite and not negative, one per budget; limits are not negative.',
      { faults },
    )
  const warnings: string[] = []
  const original = problem.items.map(({ id, choices }) => {
    const kept = choices.flatMap(({ loss }, k) => (Number.isFinite(loss) ? [k] : []))
    const dropped = choices.flatMap(({ loss, label }, k) => (Number.isFinite(loss) ? [] : [`${label ?? k} (${loss})`]))
    if (kept.length === 0)
      throw problemError(
        'LOSS_NOT_FINITE',
        `Every choice of item ${id} has a loss that is not finite: ${dropped.join(', ')}.`,
        'Look at the metric: it gave NaN or infinity for this item.',
        { id },
      )
    if (dropped.length > 0)
      warnings.push(`Item ${id}: dropped choices with a loss that is not finite: ${dropped.join(', ')}.`)
    return kept
  })
  const items = problem.items.map((item, i) => ({ ...item, choices: original[i]!.map((k) => item.choices[k]!) }))
  return { problem: { ...problem, items }, original, warnings }
}

/** Summed cost of an assignment for every budget. */
export const utilizationOf = ({ items, budgets }: Problem, choice: readonly number[]): number[] =>
  budgets.map((_, b) => choice.reduce((sum, k, i) => sum + items[i]!.choices[k]!.cost[b]!, 0))

/** Summed loss of an assignment. */
export const lossOf = ({ items }: Problem, choice: readonly number[]): number =>
  items.reduce((sum, item, i) => sum + item.choices[choice[i]!]!.loss, 0)

/** The answer to a problem that nothing fits. */
export function infeasible(problem: Problem): Pick<Solution, 'smallest' | 'binding'> & { violated: boolean } {
  const least = (b: number) =>
    problem.items.map(({ id, choices }) => ({ id, cost: Math.min(...choices.map(({ cost }) => cost[b]!)) }))
  const smallest = problem.budgets.map((_, b) => least(b).reduce((sum, { cost }) => sum + cost, 0))
  const first = Math.max(
    0,
    problem.budgets.findIndex(({ limit }, b) => smallest[b]! > limit),
  )
  const binding =
    problem.budgets.length === 0
      ? []
      : least(first)
          .sort((a, b) => b.cost - a.cost)
          .map(({ id }) => id)
  return {
    smallest,
    binding: binding.slice(0, 10),
    violated: problem.budgets.some(({ limit }, b) => smallest[b]! > limit),
  }
}
