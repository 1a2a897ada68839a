import { efficient, type Option } from './one-budget.ts'
import { check, lossOf, type Problem, utilizationOf } from './problem.ts'

/** One assignment that is optimal for a budget of exactly its cost. */
export interface FrontierPoint {
  readonly cost: number
  readonly loss: number
  /** Per item, the index into its choices as given. */
  readonly choice: readonly number[]
}

/**
 * The curve of budget against loss, cheapest first: every assignment on the lower convex hull, that is, every one that
 * some price per unit of cost makes optimal. One sorted pass over the hulls of the items (Dyer 1984, Zemel 1984).
 * The limit of the (one) budget is not looked at.
 */
export function frontier(given: Problem): FrontierPoint[] {
  const { problem, original } = check(given)
  const hulls = problem.items.map((item) =>
    hull(efficient(item.choices.map(({ loss, cost }, index) => ({ loss, cost: cost[0] ?? 0, index })))),
  )
  const steps = hulls
    .flatMap((list, item) =>
      list
        .slice(1)
        .map((option, k) => ({ item, option, rate: (list[k]!.loss - option.loss) / (option.cost - list[k]!.cost) })),
    )
    .sort((a, b) => b.rate - a.rate || a.item - b.item || a.option.cost - b.option.cost)
  const choice = hulls.map((list) => list[0]!.index)
  const point = (): FrontierPoint => ({
    cost: utilizationOf(problem, choice)[0] ?? 0,
    loss: lossOf(problem, choice),
    choice: choice.map((k, i) => original[i]![k]!),
  })
  const points = [point()]
  for (const { item, option } of steps) {
    choice[item] = option.index
    points.push(point())
  }
  return points
}

/** The options on the lower convex hull of cost against loss. */
function hull(options: readonly Option[]): Option[] {
  const kept: Option[] = []
  for (const option of options) {
    while (kept.length > 1 && slope(kept.at(-2)!, kept.at(-1)!) >= slope(kept.at(-1)!, option)) kept.pop()
    kept.push(option)
  }
  return kept
}

const slope = (a: Option, b: Option): number => (b.loss - a.loss) / (b.cost - a.cost)
