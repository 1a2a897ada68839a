import type { Graph } from '@mixbit/graph'
import { apply } from '../apply.ts'
import type { Job } from '../job.ts'
import type { Observed } from '../observe.ts'
import { mostDeciding, outputLosses } from '../output-loss.ts'
import { checkAborted } from '../progress.ts'
import { type Change, changed, type SearchSpace, singleChanges } from './search-space.ts'

/** One round of measured changes. */
export interface RemeasureRound {
  /** Whole models that were measured without and with repair through the model. */
  readonly tried: { readonly inLayers: number; readonly whole: number }
  /** What was changed; none: nothing that was measured was better. */
  readonly changes: readonly { readonly name: string; readonly from: number; readonly to: number }[]
  /** Measured, after the round. */
  readonly outputLoss: number
}

/** Measured rounds around the choice of the search. */
export interface RemeasureReport {
  /** Of the choice of the search. */
  readonly outputLoss: number
  readonly rounds: readonly RemeasureRound[]
}

/** Changes that are measured in a round, by their rounding in layers alone, and the best of them as whole models. */
const [mostInLayers, mostWhole] = [16, 3]

export interface RemeasureOptions {
  readonly rounds: number
  /** Changes of one or two rows, the most promising first. */
  proposals(choice: readonly number[]): Iterable<readonly Change[]>
  /** The model of a choice as it will be written. */
  build(choice: readonly number[]): Promise<Graph>
}

/**
 * Measures what the predictions say is cheap, and keeps what is better: only a lower measured output loss of the whole
 * model changes the choice. Deterministic. @throws MixbitError `ABORTED`
 */
export async function remeasure(
  job: Job,
  observed: Observed,
  space: SearchSpace,
  start: readonly number[],
  { rounds, proposals, build }: RemeasureOptions,
): Promise<{ choice: readonly number[]; report: RemeasureReport }> {
  const lossOf = async (graphs: readonly Graph[]) => outputLosses(job, graphs, mostDeciding)
  const inLayers = (choice: readonly number[]) =>
    apply(job.prepared, job.layers, space.assignmentOf(choice), observed, job.config)
  const [first] = await lossOf([await build(start)])
  const seen = new Set([start.join()])
  const done: RemeasureRound[] = []
  let [choice, loss] = [start, first!]
  for (let round = 0; round < rounds; round++) {
    const tell = (message: string) => job.onProgress?.({ stage: 'assignment', done: round, total: rounds, message })
    tell('measuring changes')
    const next = fresh(space, choice, proposals(choice), seen)
    if (next.length === 0) break
    const rough = await lossOf(next.map(inLayers))
    const order = [...next.keys()].sort((a, b) => rough[a]! - rough[b]!).slice(0, mostWhole)
    let best: { choice: readonly number[]; loss: number } | null = null
    for (const i of order) {
      checkAborted(job.signal)
      const [whole] = await lossOf([await build(next[i]!)])
      if (whole! < (best?.loss ?? loss)) best = { choice: next[i]!, loss: whole! }
    }
    const { names, bits } = space
    const changes = names.flatMap((name, row) =>
      best && best.choice[row] !== choice[row]
        ? [{ name, from: bits[row]![choice[row]!]!, to: bits[row]![best.choice[row]!]! }]
        : [],
    )
    if (best) [choice, loss] = [best.choice, best.loss]
    done.push({ tried: { inLayers: next.length, whole: order.length }, changes, outputLoss: loss })
  }
  job.onProgress?.({ stage: 'assignment', done: rounds, total: rounds })
  return { choice, report: { outputLoss: first!, rounds: done } }
}

/** The first choices within the budget that were not tried yet; they are from now on. */
function fresh(
  space: SearchSpace,
  choice: readonly number[],
  proposals: Iterable<readonly Change[]>,
  seen: Set<string>,
): (readonly number[])[] {
  const found: (readonly number[])[] = []
  for (const changes of proposals) {
    const next = changed(choice, changes)
    if (seen.has(next.join()) || !space.fits(next)) continue
    seen.add(next.join())
    if (found.push(next) === mostInLayers) break
  }
  return found
}

/** Changes of one or two rows by what summed sensitivities say of them. */
export function changesByScore(
  space: SearchSpace,
  scores: readonly (readonly number[])[],
  choice: readonly number[],
): readonly (readonly Change[])[] {
  const singles = singleChanges(space, choice).map((change) => ({
    change,
    delta: (scores[change.row]?.[change.to] ?? 0) - (scores[change.row]?.[choice[change.row]!] ?? 0),
  }))
  const all = singles.map(({ change, delta }) => ({ changes: [change] as readonly Change[], delta }))
  for (const [i, a] of singles.entries())
    for (const b of singles.slice(i + 1))
      if (a.change.row !== b.change.row) all.push({ changes: [a.change, b.change], delta: a.delta + b.delta })
  return all.sort((a, b) => a.delta - b.delta).map(({ changes }) => changes)
}
