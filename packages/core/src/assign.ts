import { MixbitError } from '@mixbit/graph'
import { type Solution, solve } from '@mixbit/solver'
import type { Assignment } from './apply.ts'
import type { Layer } from './candidates.ts'
import { checkAborted } from './progress.ts'

/** Upper limits in bytes; an absent one does not bind. */
export interface ByteBudget {
  readonly weightsMemory?: number
  /** With what every written file has beside its weights, in bytes. */
  readonly fileSize?: { readonly limit: number; readonly fixed: number }
}

/** Sensitivities by layer and candidate, in the order of the layers' candidates. */
export type Scores = readonly (readonly number[])[]

/**
 * The assignment of least summed sensitivity inside the budget; without a budget, the widest candidate everywhere.
 * @throws MixbitError `BUDGET_INFEASIBLE` with the smallest achievable utilization and the layers that bind.
 */
export async function assign(
  layers: readonly Layer[],
  scores: Scores,
  budget: ByteBudget,
  signal?: AbortSignal,
): Promise<{ assignment: Assignment; solution: Solution | null }> {
  const budgets = limits(budget)
  if (budgets.length === 0) return { assignment: layers.map((layer) => layer.candidates[0]!), solution: null }
  const solution = await solve({ items: itemsOf(layers, scores, budget), budgets }, { signal }).catch((error) => {
    checkAborted(signal)
    throw error
  })
  if (solution.status === 'infeasible') throw infeasible(solution, budget)
  return { assignment: layers.map((layer, i) => layer.candidates[solution.choice[i]!]!), solution }
}

const limits = ({ weightsMemory, fileSize }: ByteBudget) => [
  ...(weightsMemory === undefined ? [] : [{ name: 'weightsMemory', limit: weightsMemory }]),
  ...(fileSize === undefined ? [] : [{ name: 'fileSize', limit: Math.max(0, fileSize.limit - fileSize.fixed) }]),
]

/** The solver's view of the layers: one item each, with a cost for every budget that is set. */
export const itemsOf = (layers: readonly Layer[], scores: Scores, budget: ByteBudget) =>
  layers.map((layer, i) => ({
    id: layer.node,
    choices: layer.candidates.map((candidate, c) => ({
      loss: scores[i]?.[c] ?? 0,
      label: `${candidate.bits}`,
      cost: [
        ...(budget.weightsMemory === undefined ? [] : [candidate.weightsBytes]),
        ...(budget.fileSize === undefined ? [] : [candidate.fileBytes]),
      ],
    })),
  }))

function infeasible({ smallest = [], binding = [] }: Solution, budget: ByteBudget): MixbitError {
  const texts = limits(budget).map(({ name, limit }, i) => {
    const fixed = name === 'fileSize' ? (budget.fileSize?.fixed ?? 0) : 0
    return `${name} allows ${Math.floor(limit + fixed)} bytes and the smallest achievable is ${Math.ceil((smallest[i] ?? 0) + fixed)}`
  })
  return new MixbitError('BUDGET_INFEASIBLE', `No assignment fits the budget: ${texts.join('; ')}.`, {
    hint: `Raise the budget, or offer narrower bit-widths. Most of the smallest size is in ${binding.slice(0, 3).join(', ')}.`,
    context: { smallest, binding, budget },
  })
}
