import { MixbitError } from '@mixbit/graph'
import { type Solution, solve } from '@mixbit/solver'
import type { Assignment } from './apply.ts'
import type { Layer } from './candidates.ts'
import { checkAborted } from './progress.ts'

/** Upper limits in bytes; an absent one does not bind. */
export interface ByteBudget {
  readonly weightsMemory?: number
  readonly fileSize?: FileBudget | undefined
}

/** A limit on the written file, with what stands in it beside what each layer takes. */
export interface FileBudget {
  readonly limit: number
  /** Bytes that every file has. */
  readonly fixed: number
  /** Bytes that a file has once if any layer has this bit-width. */
  readonly once: ReadonlyMap<number, number>
}

/** Sensitivities by layer and candidate, in the order of the layers' candidates. */
export type Scores = readonly (readonly number[])[]

/**
 * The assignment of least summed sensitivity inside the budget; without a budget, the widest candidate everywhere.
 * Bytes that a width costs once for the whole file are settled by solving for every set of such widths.
 * @throws MixbitError `BUDGET_INFEASIBLE` with the smallest achievable utilization and the layers that bind.
 */
export async function assign(
  layers: readonly Layer[],
  scores: Scores,
  budget: ByteBudget,
  { refine: refineIt = true, signal }: { readonly refine?: boolean; readonly signal?: AbortSignal | undefined } = {},
): Promise<{ assignment: Assignment; solution: Solution | null }> {
  if (budget.weightsMemory === undefined && budget.fileSize === undefined)
    return { assignment: layers.map((layer) => layer.candidates[0]!), solution: null }
  const answers: { assignment: Assignment; solution: Solution; refused: Refusal | null }[] = []
  for (const unused of subsets([...(budget.fileSize?.once.keys() ?? [])])) {
    const kept = layers.map(({ candidates }) => candidates.flatMap(({ bits }, c) => (unused.has(bits) ? [] : [c])))
    if (kept.some((indices) => indices.length === 0)) continue
    const items = itemsOf(layers, scores, budget).map((item, i) => ({
      ...item,
      choices: kept[i]!.map((c) => item.choices[c]!),
    }))
    const solution = await solve({ items, budgets: limits(budget, unused) }, { signal }).catch((error) => {
      checkAborted(signal)
      throw error
    })
    answers.push({
      assignment: solution.choice.map((choice, i) => layers[i]!.candidates[kept[i]![choice]!]!),
      solution,
      refused: solution.status === 'infeasible' ? infeasible(solution, budget, unused) : null,
    })
  }
  const feasible = answers.filter(({ refused }) => refused === null)
  if (feasible.length > 0) {
    const best = feasible.reduce((a, b) => (b.solution.objective < a.solution.objective ? b : a))
    return { ...best, assignment: refineIt ? refined(layers, scores, budget, best.assignment) : best.assignment }
  }
  throw answers.map(({ refused }) => refused!).reduce((a, b) => (b.excess < a.excess ? b : a)).error
}

/** All subsets, the empty one first. */
const subsets = (values: readonly number[]): ReadonlySet<number>[] =>
  Array.from({ length: 2 ** values.length }, (_, mask) => new Set(values.filter((_, i) => mask & (1 << i))))

/** Bytes of the file beside what each layer takes, when some widths do not occur. */
const besideLayers = ({ fixed, once }: FileBudget, unused: ReadonlySet<number>): number =>
  [...once].reduce((sum, [bits, bytes]) => sum + (unused.has(bits) ? 0 : bytes), fixed)

const limits = ({ weightsMemory, fileSize }: ByteBudget, unused: ReadonlySet<number>) => [
  ...(weightsMemory === undefined ? [] : [{ name: 'weightsMemory', limit: weightsMemory }]),
  ...(fileSize === undefined
    ? []
    : [{ name: 'fileSize', limit: Math.max(0, fileSize.limit - besideLayers(fileSize, unused)) }]),
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

/**
 * Wider candidates where the summed sensitivity does not grow and the budget is kept, the largest gain per byte first. The
 * choice is optimal already, so this settles ties: a layer that loses nothing by more bits gets what is left over.
 */
function refined(layers: readonly Layer[], scores: Scores, budget: ByteBudget, assignment: Assignment): Assignment {
  const fits = (candidates: Assignment) => {
    const { weightsMemory = Number.POSITIVE_INFINITY, fileSize } = budget
    const used = new Set(candidates.map(({ bits }) => bits))
    const unused = new Set([...(fileSize?.once.keys() ?? [])].filter((bits) => !used.has(bits)))
    return (
      candidates.reduce((sum, { weightsBytes }) => sum + weightsBytes, 0) <= weightsMemory &&
      (!fileSize ||
        candidates.reduce((sum, { fileBytes }) => sum + fileBytes, besideLayers(fileSize, unused)) <= fileSize.limit)
    )
  }
  let best = assignment
  for (;;) {
    const upgrades = best.flatMap((current, i) =>
      layers[i]!.candidates.flatMap((candidate, c) => {
        const gain = scores[i]![layers[i]!.candidates.indexOf(current)]! - scores[i]![c]!
        const next = best.with(i, candidate)
        return candidate.bits > current.bits && gain >= 0 && fits(next)
          ? [{ next, rate: gain / (candidate.weightsBytes - current.weightsBytes), bytes: candidate.weightsBytes }]
          : []
      }),
    )
    if (upgrades.length === 0) return best
    best = upgrades.reduce((a, b) => (b.rate > a.rate || (b.rate === a.rate && b.bytes < a.bytes) ? b : a)).next
  }
}

/** Why nothing fits, and the largest ratio of what is needed to what is allowed. */
interface Refusal {
  readonly error: MixbitError
  readonly excess: number
}

function infeasible(
  { smallest: costs = [], binding = [] }: Solution,
  budget: ByteBudget,
  unused: ReadonlySet<number>,
): Refusal {
  const named = limits(budget, unused).map(({ name }, i) => {
    const beside = name === 'fileSize' ? besideLayers(budget.fileSize!, unused) : 0
    const limit = name === 'fileSize' ? budget.fileSize!.limit : budget.weightsMemory!
    return { name, limit: Math.floor(limit), smallest: Math.ceil((costs[i] ?? 0) + beside) }
  })
  const texts = named.map(
    ({ name, limit, smallest }) => `${name} allows ${limit} bytes and the smallest achievable is ${smallest}`,
  )
  const error = new MixbitError('BUDGET_INFEASIBLE', `No assignment fits the budget: ${texts.join('; ')}.`, {
    hint: `Raise the budget, or offer narrower bit-widths. Most of the smallest size is in ${binding.slice(0, 3).join(', ')}.`,
    context: { smallest: Object.fromEntries(named.map(({ name, smallest }) => [name, smallest])), binding },
  })
  return { error, excess: Math.max(...named.map(({ limit, smallest }) => smallest / Math.max(1, limit))) }
}
