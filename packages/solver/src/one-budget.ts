import { lossOf, type Problem } from './problem.ts'

/** An assignment with what is proven about it; null when nothing fits. */
export interface Answer {
  readonly choice: readonly number[]
  readonly bound: number
  readonly proven: boolean
}

/** Labels kept at once; beyond it the search is no longer a proof, and says so. */
const labelCap = 500_000

/** A partial assignment of the first items of the order: its cost and loss, its last choice, and what it continues. */
interface Label {
  readonly cost: number
  readonly loss: number
  readonly option: Option | null
  readonly before: Label | null
}

/** When to give up: at the deadline, or when the signal is aborted (the search yields to the event loop to notice). */
export interface Stop {
  readonly deadline: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Exact multiple-choice knapsack for one budget. A Lagrange multiplier gives a lower bound for every partial assignment
 * (Fisher 1981), and the assignment it picks is nearly the best: only items whose second choice is nearly as good are in
 * doubt. They are extended first (the expanding core of Pisinger 1995); every partial assignment is completed with the
 * picks of the rest, dropped when another one dominates it or its bound exceeds the best known loss, and the search ends
 * when no item that is left can differ from its pick. Ties go to the smaller loss, then to the smaller cost.
 */
export async function solveOneBudget(problem: Problem, { deadline, signal }: Stop): Promise<Answer | null> {
  const limit = problem.budgets[0]!.limit
  const all = problem.items.map((item) =>
    efficient(item.choices.map(({ loss, cost }, index) => ({ loss, cost: cost[0]!, index }))),
  )
  if (all.reduce((sum, list) => sum + list[0]!.cost, 0) > limit) return null
  const { multiplier, picked, start } = relax(all, limit)
  const price = ({ loss, cost }: Option) => loss + (multiplier === 0 ? 0 : multiplier * cost)
  /** How much worse the second best choice of an item is at this multiplier. */
  const doubt = (list: readonly Option[]) => {
    const [first, second = Number.POSITIVE_INFINITY] = list.map(price).sort((a, b) => a - b)
    return second - first!
  }
  const order = all
    .map((list, item) => ({ item, list, pick: picked[item]!, doubt: doubt(list) }))
    .sort((a, b) => a.doubt - b.doubt || a.item - b.item)
  const cheapest = suffixSums(order.map(({ list }) => list[0]!.cost))
  const least = suffixSums(order.map(({ list }) => Math.min(...list.map(price))))
  const rest = { cost: suffixSums(order.map((o) => o.pick.cost)), loss: suffixSums(order.map((o) => o.pick.loss)) }
  const budgeted = multiplier === 0 ? 0 : multiplier * limit
  const bound = least[0]! - budgeted

  let best = { loss: start.reduce((sum, o) => sum + o.loss, 0), cost: start.reduce((sum, o) => sum + o.cost, 0) }
  let found: { label: Label; depth: number } | null = null
  const slack = 1e-12 * Math.max(1, Math.abs(best.loss))
  let labels: Label[] = [{ cost: 0, loss: 0, option: null, before: null }]
  let proven = true
  let pause = performance.now() + 50
  search: for (const [i, { list, doubt }] of order.entries()) {
    if (bound + doubt > best.loss + slack) break
    const next: Label[] = []
    for (const [l, label] of labels.entries()) {
      if (l % 4096 === 0 && performance.now() > pause) {
        await new Promise((resolve) => setTimeout(resolve))
        signal?.throwIfAborted()
        pause = performance.now() + 50
        if (pause > deadline) proven = false
      }
      if (!proven) break search
      for (const option of list) {
        const [cost, loss] = [label.cost + option.cost, label.loss + option.loss]
        if (cost + cheapest[i + 1]! > limit) break
        if (loss + (multiplier === 0 ? 0 : multiplier * cost) + least[i + 1]! - budgeted > best.loss + slack) continue
        const extended = { cost, loss, option, before: label }
        next.push(extended)
        const whole = { cost: cost + rest.cost[i + 1]!, loss: loss + rest.loss[i + 1]! }
        if (whole.cost > limit || whole.loss > best.loss || (whole.loss === best.loss && whole.cost >= best.cost))
          continue
        best = whole
        found = { label: extended, depth: i + 1 }
      }
    }
    labels = undominated(next)
    if (labels.length > labelCap) {
      proven = false
      break
    }
  }
  const choice = start.map(({ index }) => index)
  if (found) {
    for (const { item, pick } of order.slice(found.depth)) choice[item] = pick.index
    for (let at: Label | null = found.label, i = found.depth - 1; at?.option; at = at.before, i--)
      choice[order[i]!.item] = at.option.index
  }
  const loss = lossOf(problem, choice)
  return { choice, bound: proven ? loss : Math.min(bound, loss), proven }
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

/** The multiplier of the best Lagrangian bound (by bisection), what it picks, and a good assignment inside the budget. */
function relax(choices: readonly (readonly Option[])[], limit: number) {
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
  return { multiplier: high, picked, start: improve(choices, picked, limit) }
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
