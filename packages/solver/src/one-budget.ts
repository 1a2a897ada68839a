import { lossOf, type Problem, utilizationOf } from './problem.ts'

/** An assignment with what is proven about it; null when nothing fits. */
export interface Answer {
  readonly choice: readonly number[]
  readonly bound: number
  readonly proven: boolean
}

/** Labels kept at once; beyond it the search is no longer a proof, and says so. */
const labelCap = 2_000_000

/** A partial assignment: its cost and loss, the choice that made it, and the label it continues. */
interface Label {
  readonly cost: number
  readonly loss: number
  readonly choice: number
  readonly before: Label | null
}

/**
 * Exact multiple-choice knapsack for one budget. A Lagrange multiplier gives a lower bound for every partial assignment
 * (Fisher 1981); partial assignments that another one dominates, or whose bound exceeds the best known loss, are dropped;
 * what is left is extended item by item. Ties go to the smaller loss, then to the smaller cost, then to the first found.
 */
export function solveOneBudget(problem: Problem, deadline: number): Answer | null {
  const { items } = problem
  const limit = problem.budgets[0]!.limit
  const choices = items.map((item) =>
    efficient(item.choices.map(({ loss, cost }, index) => ({ loss, cost: cost[0]!, index }))),
  )
  const cheapest = suffixSums(choices.map((list) => list[0]!.cost))
  if (cheapest[0]! > limit) return null
  const { multiplier, start } = relax(choices, limit)
  const reduced = suffixSums(choices.map((list) => Math.min(...list.map(({ loss, cost }) => loss + multiplier * cost))))
  const bound = reduced[0]! - (multiplier === 0 ? 0 : multiplier * limit)
  let best = start
  let bestLoss = lossOf(problem, start)
  const slack = 1e-12 * Math.max(1, Math.abs(bestLoss))
  let labels: Label[] = [{ cost: 0, loss: 0, choice: -1, before: null }]
  let proven = true
  for (const [i, list] of choices.entries()) {
    const next: Label[] = []
    for (const label of labels)
      for (const { loss, cost, index } of list) {
        const label2 = { cost: label.cost + cost, loss: label.loss + loss, choice: index, before: label }
        if (label2.cost + cheapest[i + 1]! > limit) break
        const least = label2.loss + reduced[i + 1]! - (multiplier === 0 ? 0 : multiplier * (limit - label2.cost))
        if (least <= bestLoss + slack) next.push(label2)
      }
    labels = undominated(next)
    if (labels.length > labelCap || performance.now() > deadline) {
      proven = false
      labels = labels.sort((a, b) => a.loss + multiplier * a.cost - (b.loss + multiplier * b.cost)).slice(0, 1000)
    }
  }
  for (const label of labels) {
    const choice = unwind(label, items.length)
    const loss = lossOf(problem, choice)
    const cheaper = loss === bestLoss && utilizationOf(problem, choice)[0]! < utilizationOf(problem, best)[0]!
    if (loss < bestLoss || cheaper) [best, bestLoss] = [choice, loss]
  }
  return { choice: best, bound: proven ? bestLoss : Math.min(bound, bestLoss), proven }
}

export interface Option {
  readonly loss: number
  readonly cost: number
  readonly index: number
}

/** Choices that no other one beats in both loss and cost, cheapest first. */
export function efficient(options: readonly Option[]): Option[] {
  const sorted = [...options].sort((a, b) => a.cost - b.cost || a.loss - b.loss || a.index - b.index)
  const kept: Option[] = []
  for (const option of sorted) if (kept.length === 0 || option.loss < kept.at(-1)!.loss) kept.push(option)
  return kept
}

const suffixSums = (values: readonly number[]): number[] => {
  const sums = new Array<number>(values.length + 1).fill(0)
  for (let i = values.length - 1; i >= 0; i--) sums[i] = sums[i + 1]! + values[i]!
  return sums
}

/** The multiplier of the best Lagrangian bound (by bisection), and a good assignment inside the budget. */
function relax(choices: readonly (readonly Option[])[], limit: number): { multiplier: number; start: number[] } {
  const at = (multiplier: number) =>
    choices.map((list) => list.reduce((a, b) => (b.loss + multiplier * b.cost < a.loss + multiplier * a.cost ? b : a)))
  const costOf = (picked: readonly Option[]) => picked.reduce((sum, { cost }) => sum + cost, 0)
  let picked = at(0)
  let [low, high] = [0, 0]
  if (costOf(picked) > limit) {
    high = 1e-12
    while (costOf(at(high)) > limit && high < 1e300) high *= 4
    for (let step = 0; step < 200 && low < high; step++) {
      const middle = (low + high) / 2
      if (middle === low || middle === high) break
      if (costOf(at(middle)) > limit) low = middle
      else high = middle
    }
    picked = at(high)
    if (costOf(picked) > limit) picked = choices.map((list) => list[0]!)
  }
  return { multiplier: high, start: improve(choices, picked, limit).map(({ index }) => index) }
}

/** Spends what is left of the budget: the upgrades in order of their gain per cost, each where it still fits. */
function improve(choices: readonly (readonly Option[])[], picked: readonly Option[], limit: number): Option[] {
  const result = [...picked]
  let left = limit - picked.reduce((sum, { cost }) => sum + cost, 0)
  const upgrades = choices.flatMap((list, item) =>
    list
      .filter((option) => option.loss < result[item]!.loss)
      .map((option) => ({
        item,
        option,
        rate: (result[item]!.loss - option.loss) / (option.cost - result[item]!.cost),
      })),
  )
  for (const { item, option } of upgrades.sort((a, b) => b.rate - a.rate)) {
    const price = option.cost - result[item]!.cost
    if (price > left || option.loss >= result[item]!.loss) continue
    left -= price
    result[item] = option
  }
  return result
}

/** Labels that no other one beats in both cost and loss, cheapest first. */
function undominated(labels: Label[]): Label[] {
  labels.sort((a, b) => a.cost - b.cost || a.loss - b.loss)
  const kept: Label[] = []
  for (const label of labels) if (kept.length === 0 || label.loss < kept.at(-1)!.loss) kept.push(label)
  return kept
}

function unwind(label: Label, length: number): number[] {
  const choice = new Array<number>(length)
  let at: Label | null = label
  for (let i = length - 1; i >= 0 && at; i--, at = at.before) choice[i] = at.choice
  return choice
}
