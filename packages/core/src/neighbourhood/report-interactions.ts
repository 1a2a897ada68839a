import { apply } from '../apply.ts'
import type { Job } from '../job.ts'
import type { Observed } from '../observe.ts'
import { outputLosses } from '../output-loss.ts'
import { type Agreement, agreementOf } from './agreement.ts'
import { type Interactions, ownLosses, predictedLoss } from './interactions.ts'
import { changed, type SearchSpace, singleChanges } from './search-space.ts'

/** What interactions changed in the choice, and how well they predict. */
export interface InteractionsReport {
  /** Loss of the choice that sums sensitivities, and of the one that the predictions lead to. */
  readonly predicted: { readonly before: number; readonly after: number }
  /** The same, measured, with repair through the model. */
  readonly measured: { readonly before: number; readonly after: number }
  /** Whether the second was taken: its measured loss is lower. */
  readonly taken: boolean
  /** Rows in which the two have other bits. */
  readonly changed: readonly string[]
  /** Assignments around the choice that were measured as whole models, without repair through the model. */
  readonly assignments: readonly { readonly predicted: number; readonly summed: number; readonly measured: number }[]
  /** Of the predictions with interactions, and of sums of losses alone, with what was measured. */
  readonly withInteractions: Agreement
  readonly summed: Agreement
}

/** Assignments that are measured. */
const count = 32

/** Measures assignments in which one to eight rows differ from the choice, the same on every run; budgets are not looked at. */
export async function reportInteractions(
  job: Job,
  observed: Observed,
  {
    interactions,
    space,
    before,
    after,
    measured: whole,
  }: {
    readonly interactions: Interactions
    readonly space: SearchSpace
    readonly before: readonly number[]
    readonly after: readonly number[]
    readonly measured: readonly number[]
  },
): Promise<InteractionsReport> {
  const own = ownLosses(interactions)
  const choices = neighbours(space, after)
  const graphs = choices.map((choice) =>
    apply(job.prepared, job.layers, space.assignmentOf(choice), observed, job.config),
  )
  const losses = await outputLosses(job, graphs)
  const assignments = choices.map((choice, i) => ({
    predicted: predictedLoss(interactions, choice),
    summed: choice.reduce((sum, c, row) => sum + (c < 0 ? 0 : own[row]![c]!), 0),
    measured: losses[i]!,
  }))
  const list = (key: 'predicted' | 'summed' | 'measured') => assignments.map((one) => one[key])
  return {
    predicted: { before: predictedLoss(interactions, before), after: predictedLoss(interactions, after) },
    measured: { before: whole[0]!, after: whole[1]! },
    taken: whole[1]! < whole[0]!,
    changed: space.names.filter((_, row) => before[row] !== after[row]),
    assignments,
    withInteractions: agreementOf(list('predicted'), list('measured')),
    summed: agreementOf(list('summed'), list('measured')),
  }
}

function neighbours(space: SearchSpace, choice: readonly number[]): readonly (readonly number[])[] {
  let state = 1
  const next = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  return Array.from({ length: count }, (_, i) => {
    let result = choice
    for (let step = 0; step < 1 + (i % 8); step++) {
      const changes = singleChanges(space, result)
      if (changes.length > 0) result = changed(result, [changes[next(changes.length)]!])
    }
    return result
  })
}
