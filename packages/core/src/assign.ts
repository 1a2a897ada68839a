import { type Item, type Solution, solve } from '@mixbit/solver'
import type { LiveCut } from './activation-memory.ts'
import type { Assignment } from './apply.ts'
import { alone, type BopsBudget, mergeForBops } from './bops.ts'
import { baseOf, type Layer } from './candidates.ts'
import { infeasible, type Tried } from './infeasible.ts'
import type { Job } from './job.ts'
import type { Activation, Observed } from './observe.ts'
import { checkAborted } from './progress.ts'

/** Upper limits in bytes; an absent one does not bind. */
export interface Budget {
  readonly weightsMemory?: number
  readonly fileSize?: FileBudget | undefined
  /** Kept by who writes the file; it only leaves weights free here. */
  readonly transferSize?: number
  /** Every cut keeps the limit. */
  readonly activationMemory?: MemoryBudget
  /** Every cut and the weights together keep the limit. */
  readonly totalMemory?: MemoryBudget
  readonly bops?: BopsBudget
}

/** A limit on the written file, with what stands in it beside what each layer takes. */
export interface FileBudget {
  readonly limit: number
  /** Bytes that every file has. */
  readonly fixed: number
  /** Bytes that a file has once if any layer has this bit-width. */
  readonly once: ReadonlyMap<number, number>
}

export interface MemoryBudget {
  readonly limit: number
  readonly cuts: readonly LiveCut[]
}

/** Sensitivities by row and candidate, in the order of the candidates. */
export type Scores = readonly (readonly number[])[]

/** What is chosen from. */
export interface Search {
  readonly layers: readonly Layer[]
  readonly activations: readonly Activation[]
  /** Sensitivities of the layers, then of the activations; a row of what is pinned may be empty. */
  readonly scores: { readonly weights: Scores; readonly activations: Scores }
  readonly budget: Budget
}

/** What a budget leaves free: a budget on weights alone pins activations to their base candidates, and the other way round. */
export const freedom = ({
  weightsMemory,
  fileSize,
  transferSize,
  activationMemory,
  totalMemory,
  bops,
}: { [K in keyof Budget]: unknown }) => ({
  weights: [weightsMemory, fileSize, transferSize, totalMemory, bops].some((limit) => limit !== undefined),
  activations: [activationMemory, totalMemory, bops].some((limit) => limit !== undefined),
})

/** The base candidate everywhere. */
export const baseAssignment = (layers: readonly Layer[], activations: readonly Activation[]): Assignment => ({
  weights: layers.map(baseOf),
  activations: activations.map(baseOf),
})

/** What the network editor makes of a choice. */
const finished = ({ weights, activations }: Assignment): Assignment => ({
  weights: weights.map((candidate) => candidate.final ?? candidate),
  activations: activations.map((candidate) => candidate.final ?? candidate),
})

/** The layers and activations whose choice the network editor has changed. */
export const changedAfterSearch = (
  { layers, activations }: Pick<Search, 'layers' | 'activations'>,
  assignment: Assignment,
): string[] => [
  ...layers.filter(({ candidates }, i) => !candidates.includes(assignment.weights[i]!)).map(({ node }) => node),
  ...activations
    .filter(({ candidates }, i) => !candidates.includes(assignment.activations[i]!))
    .map(({ value }) => value),
]

/**
 * The assignment of least summed sensitivity inside the budget; without a budget, the base candidate everywhere.
 * Bytes that a width costs once for the whole file are settled by solving for every set of such widths.
 * @throws MixbitError `BUDGET_INFEASIBLE` with the smallest achievable utilization of each target and what binds.
 */
export async function assign(
  search: Search,
  { refine = true, signal }: { readonly refine?: boolean; readonly signal?: AbortSignal | undefined } = {},
): Promise<{ assignment: Assignment; solution: Solution | null }> {
  const { layers, activations, budget } = search
  const free = freedom(budget)
  if (!free.weights && !free.activations)
    return { assignment: finished(baseAssignment(layers, activations)), solution: null }
  const answers: { assignment: Assignment; solution: Solution }[] = []
  const tried: Tried[] = []
  for (const unused of subsets([...(budget.fileSize?.once.keys() ?? [])])) {
    const kept = keptCandidates(search, unused)
    if (kept.some((indices) => indices.length === 0)) continue
    const items = itemsOf(search).map((item, i) => ({ ...item, choices: kept[i]!.map((c) => item.choices[c]!) }))
    const merged = budget.bops ? mergeForBops(items, layers.length, budget.bops) : alone(items)
    const limits = limitsOf(budget, unused)
    const rest = { id: 'what stays as it is', choices: [{ loss: 0, cost: limits.map(({ fixed }) => fixed) }] }
    const problem = { items: [...merged.map(({ item }) => item), rest], budgets: limits }
    const named = merged.map(({ item, members }) => ({ item, names: members.map((i) => items[i]!.id) }))
    tried.push({ limits, items: [...items, rest], merged: named })
    const solution = await solve(problem, { signal }).catch((error) => {
      checkAborted(signal)
      throw error
    })
    if (solution.status === 'infeasible') continue
    const choice = refine ? refined(problem.items, limits, solution.choice) : solution.choice
    const chosen = new Array<number>(items.length).fill(0)
    for (const [m, { members, picks }] of merged.entries())
      for (const [i, member] of members.entries()) chosen[member] = kept[member]![picks[choice[m] ?? 0]![i]!]!
    answers.push({
      assignment: finished({
        weights: layers.map((layer, i) => layer.candidates[chosen[i]!]!),
        activations: activations.map(({ candidates }, i) => candidates[chosen[layers.length + i]!]!),
      }),
      solution,
    })
  }
  if (answers.length === 0) throw infeasible(budget, tried)
  return answers.reduce((a, b) => (b.solution.objective < a.solution.objective ? b : a))
}

/**
 * Says before the sweep that nothing will fit after it.
 * @throws MixbitError `BUDGET_INFEASIBLE`, `ABORTED`.
 */
export async function checkFeasible(
  { layers, signal }: Pick<Job, 'layers' | 'signal'>,
  { activations }: Pick<Observed, 'activations'>,
  budget: Budget,
): Promise<void> {
  await assign({ layers, activations, scores: { weights: [], activations: [] }, budget }, { refine: false, signal })
}

/** Indices of the candidates to choose from: one of what is pinned, and no weights of the unused widths. */
function keptCandidates({ layers, activations, budget }: Search, unused: ReadonlySet<number>): number[][] {
  const free = freedom(budget)
  return [
    ...layers.map((layer) =>
      free.weights
        ? layer.candidates.flatMap(({ bits }, c) => (unused.has(bits) ? [] : [c]))
        : [layer.candidates.indexOf(baseOf(layer))],
    ),
    ...activations.map((activation) =>
      free.activations ? [...activation.candidates.keys()] : [activation.candidates.indexOf(baseOf(activation))],
    ),
  ]
}

/** All subsets, the empty one first. */
const subsets = (values: readonly number[]): ReadonlySet<number>[] =>
  Array.from({ length: 2 ** values.length }, (_, mask) => new Set(values.filter((_, i) => mask & (1 << i))))

/** One budget of the solver; `fixed` is what no choice changes. */
export interface Limit {
  readonly name: keyof Budget
  readonly limit: number
  readonly fixed: number
}

function limitsOf(
  { weightsMemory, fileSize, activationMemory, totalMemory, bops }: Budget,
  unused: ReadonlySet<number>,
): Limit[] {
  const limit = (name: keyof Budget, limit: number, fixed: number): Limit => ({ name, limit, fixed })
  const once = [...(fileSize?.once ?? [])].reduce((sum, [bits, bytes]) => sum + (unused.has(bits) ? 0 : bytes), 0)
  return [
    ...(weightsMemory === undefined ? [] : [limit('weightsMemory', weightsMemory, 0)]),
    ...(fileSize === undefined ? [] : [limit('fileSize', fileSize.limit, fileSize.fixed + once)]),
    ...(activationMemory?.cuts ?? []).map(({ fixed }) => limit('activationMemory', activationMemory!.limit, fixed)),
    ...(totalMemory?.cuts ?? []).map(({ fixed }) => limit('totalMemory', totalMemory!.limit, fixed)),
    ...(bops === undefined ? [] : [limit('bops', bops.limit, 0)]),
  ]
}

/** The solver's view: one item per layer, then one per activation, with a cost for every limit but bit operations. */
export function itemsOf({ layers, activations, scores, budget }: Search): Item[] {
  const { weightsMemory, fileSize, activationMemory, totalMemory } = budget
  const item = (
    id: string,
    row: readonly number[] | undefined,
    bits: readonly number[],
    costs: (c: number) => number[],
  ): Item => ({
    id,
    choices: bits.map((width, c) => ({ loss: row?.[c] ?? 0, label: `${width}`, cost: costs(c) })),
  })
  const bitsOf = (candidates: readonly { bits: number }[]) => candidates.map(({ bits }) => bits)
  return [
    ...layers.map(({ node, candidates }, i) =>
      item(node, scores.weights[i], bitsOf(candidates), (c) => [
        ...(weightsMemory === undefined ? [] : [candidates[c]!.weightsBytes]),
        ...(fileSize === undefined ? [] : [candidates[c]!.fileBytes]),
        ...(activationMemory?.cuts ?? []).map(() => 0),
        ...(totalMemory?.cuts ?? []).map(() => candidates[c]!.weightsBytes),
      ]),
    ),
    ...activations.map(({ value, candidates }, i) =>
      item(value, scores.activations[i], bitsOf(candidates), (c) => {
        const bytes = ({ elements }: LiveCut) => (elements[i]! * candidates[c]!.bits) / 8
        return [
          ...(weightsMemory === undefined ? [] : [0]),
          ...(fileSize === undefined ? [] : [0]),
          ...(activationMemory?.cuts ?? []).map(bytes),
          ...(totalMemory?.cuts ?? []).map(bytes),
        ]
      }),
    ),
  ]
}

/**
 * Wider candidates where the summed sensitivity does not grow and the budget is kept, the largest gain per byte first. The
 * choice is optimal already, so this settles ties: a layer that loses nothing by more bits gets what is left over.
 */
function refined(items: readonly Item[], limits: readonly Limit[], start: readonly number[]): readonly number[] {
  let choice = start
  const costOf = (i: number, k: number) => items[i]!.choices[k]!.cost
  const sum = (costs: readonly number[]) => costs.reduce((total, c) => total + c, 0)
  for (;;) {
    const used = limits.map((_, b) => choice.reduce((total, k, i) => total + costOf(i, k)[b]!, 0))
    const upgrades = choice.flatMap((k, i) =>
      items[i]!.choices.flatMap(({ loss, label, cost }, next) => {
        const now = items[i]!.choices[k]!
        const gain = now.loss - loss
        const wider = Number(label) > Number(now.label) && gain >= 0
        if (!wider || !limits.every(({ limit }, b) => used[b]! - now.cost[b]! + cost[b]! <= limit)) return []
        return [{ i, next, rate: gain / Math.max(1e-300, sum(cost) - sum(now.cost)), bytes: sum(cost) }]
      }),
    )
    if (upgrades.length === 0) return choice
    const { i, next } = upgrades.reduce((a, b) => (b.rate > a.rate || (b.rate === a.rate && b.bytes < a.bytes) ? b : a))
    choice = choice.with(i, next)
  }
}
