import type { Assignment } from '../apply.ts'
import { assign, type Search } from '../assign.ts'
import { mostDeciding, outputLosses } from '../output-loss.ts'
import { parted } from '../parted.ts'
import { repairedGraph } from '../repaired.ts'
import type { RequestedSearch } from '../search.ts'
import { descend, type Interactions, ownLosses, predictedLoss, rankedChanges } from './interactions.ts'
import { changesByScore, type RemeasureReport, remeasure } from './remeasure.ts'
import { type InteractionsReport, reportInteractions } from './report-interactions.ts'
import { searchSpace } from './search-space.ts'

/** What looking around a choice has found. */
export interface Improved {
  readonly assignment: Assignment
  /** null without `interactions`. */
  readonly interactions: InteractionsReport | null
  /** null without `remeasure`. */
  readonly remeasured: RemeasureReport | null
}

/**
 * Looks around the choice of the search: descends in the predicted loss with interactions, then measures changes as whole models. Every
 * choice on the way keeps the budget.
 * @throws MixbitError `ABORTED`
 */
export async function improve(asked: RequestedSearch, search: Search, start: Assignment): Promise<Improved> {
  const { job, observed, measurand, measured } = asked
  const { interactions, remeasure: rounds } = job.config.mixedPrecisionConfig
  const known = interactions ? measured.interactions : undefined
  if (!asked.mixedPrecision || (!known && rounds === 0))
    return { assignment: start, interactions: null, remeasured: null }
  const space = searchSpace(search, measurand, start)
  const before = space.choiceOf(start)
  const after = known ? await bestDescent(asked, search, known, start) : before
  const { fitted, measuring } = parted(job)
  const build = async (choice: readonly number[]) =>
    (await repairedGraph(fitted, observed, space.assignmentOf(choice))).graph
  // Predictions know nothing of the repair through the model: that decides.
  const measuredLosses = known
    ? await outputLosses(measuring, [await build(before), await build(after)], mostDeciding)
    : null
  const taken = measuredLosses === null || measuredLosses[1]! < measuredLosses[0]! ? after : before
  const scores = [...search.scores.weights, ...search.scores.activations]
  const tried =
    rounds === 0
      ? null
      : await remeasure(measuring, observed, space, taken, {
          rounds,
          proposals: (choice) =>
            known
              ? rankedChanges(known, space, choice).map(({ changes }) => changes)
              : changesByScore(space, scores, choice),
          build,
        })
  return {
    assignment: space.assignmentOf(tried?.choice ?? taken),
    interactions: known
      ? await reportInteractions(job, observed, {
          interactions: known,
          space,
          before,
          after,
          measured: measuredLosses!,
        })
      : null,
    remeasured: tried?.report ?? null,
  }
}

/** Descends from the choice, and from that of the least summed output loss; the first of equals. */
async function bestDescent(
  { job, measurand }: RequestedSearch,
  search: Search,
  interactions: Interactions,
  start: Assignment,
): Promise<readonly number[]> {
  const own = ownLosses(interactions)
  const count = measurand.layers.length
  const scores = { weights: own.slice(0, count), activations: own.slice(count) }
  const { assignment } = await assign({ ...search, scores }, { refine: false, signal: job.signal })
  const space = searchSpace(search, measurand, start)
  const [one, other] = [start, assignment].map((from) => descend(interactions, space, space.choiceOf(from)))
  return predictedLoss(interactions, other!) < predictedLoss(interactions, one!) ? other! : one!
}
