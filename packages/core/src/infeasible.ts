import { MixbitError } from '@mixbit/graph'
import type { Item } from '@mixbit/solver'
import type { Budget, Limit } from './assign.ts'

/** One problem that the solver had. */
export interface Tried {
  /** One per cost of the items; bit operations come last. */
  readonly limits: readonly Limit[]
  /** One per layer and activation, with a cost for every limit but bit operations. */
  readonly items: readonly Item[]
  /** Those that share bit operations as one, with every cost. */
  readonly merged: readonly { readonly item: Item; readonly names: readonly string[] }[]
}

/** What one target needs at least, whatever the others get. */
interface Least {
  readonly smallest: number
  /** Layers, activations and the like, the largest part first. */
  readonly binding: readonly string[]
}

/**
 * Why no assignment fits: for each target the smallest achievable utilization on its own, and what most of it is in. Targets
 * that can be kept alone and not together are said to be so.
 */
export function infeasible(budget: Budget, tried: readonly Tried[]): MixbitError {
  const targets = (Object.keys(budget) as (keyof Budget)[]).flatMap((name) => {
    const whole = budget[name]
    // How well a choice compresses is known when it is written.
    if (whole === undefined || name === 'transferSize') return []
    const limit = typeof whole === 'number' ? whole : whole.limit
    const { smallest, binding } = leastOf(name, tried)
    return [{ name, limit, smallest: Math.ceil(smallest), violated: smallest > limit, binding }]
  })
  const violated = targets.filter((target) => target.violated)
  const said = violated.length > 0 ? violated : targets
  const texts = said.map(
    ({ name, limit, smallest }) =>
      `${name} allows ${Math.floor(limit)} ${name === 'bops' ? 'bit operations' : 'bytes'} and the smallest achievable is ${smallest}`,
  )
  const together = violated.length > 0 ? '' : ' Each of them can be kept alone, but not all together.'
  const binds = said.map(({ name, binding }) => `${name} in ${binding.slice(0, 3).join(', ')}`)
  return new MixbitError('BUDGET_INFEASIBLE', `No assignment fits the budget: ${texts.join('; ')}.${together}`, {
    hint: `Raise the budget, or offer narrower bit-widths. Most of the smallest is: ${binds.join('; ')}.`,
    context: {
      smallest: Object.fromEntries(targets.map(({ name, smallest }) => [name, smallest])),
      binding: Object.fromEntries(said.map(({ name, binding }) => [name, binding.slice(0, 10)])),
    },
  })
}

/** Of several problems the one that needs least; of several cuts the one that needs most. */
function leastOf(name: keyof Budget, tried: readonly Tried[]): Least {
  const perProblem = tried.map(({ limits, items, merged }) => {
    const parts = name === 'bops' ? merged : items.map((item) => ({ item, names: [item.id] }))
    return limits
      .flatMap((limit, b) => (limit.name === name ? [leastOfCost(parts, b)] : []))
      .reduce((a, b) => (b.smallest > a.smallest ? b : a))
  })
  return perProblem.reduce((a, b) => (b.smallest < a.smallest ? b : a))
}

function leastOfCost(parts: Tried['merged'], b: number): Least {
  const costs = parts.map(({ item, names }) => {
    const usable = item.choices.filter(({ loss }) => Number.isFinite(loss))
    return { names, cost: Math.min(...usable.map(({ cost }) => cost[b]!)) }
  })
  return {
    smallest: costs.reduce((sum, { cost }) => sum + cost, 0),
    binding: costs
      .filter(({ cost }) => cost > 0)
      .sort((a, b) => b.cost - a.cost)
      .flatMap(({ names }) => names),
  }
}
