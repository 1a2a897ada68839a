import type { ValueId } from '@mixbit/graph'
import { activationMemory } from '../activation-memory.ts'
import type { Assignment } from '../apply.ts'
import type { Budget, Search } from '../assign.ts'
import { bopsOf } from '../bops.ts'
import type { Measurand } from '../measure.ts'

/** The choices of a search as indices of candidates, one per measured row: layers first, then activations. */
export interface SearchSpace {
  readonly names: readonly (string | ValueId)[]
  /** Bits of the candidates of every row. */
  readonly bits: readonly (readonly number[])[]
  choiceOf(assignment: Assignment): readonly number[]
  /** The assignment with other candidates in some rows; what is not measured stays. */
  assignmentOf(choice: readonly number[]): Assignment
  fits(choice: readonly number[]): boolean
}

/** One row that takes another candidate. */
export interface Change {
  readonly row: number
  readonly to: number
}

/** The space around an assignment. A row whose candidate the network editor gave has that one alone. */
export function searchSpace(
  { layers, activations, budget }: Pick<Search, 'layers' | 'activations' | 'budget'>,
  measurand: Measurand,
  start: Assignment,
): SearchSpace {
  const { layers: ownLayers, activations: ownActivations } = measurand
  const rows = [
    ...ownLayers.map(({ node, candidates }) => {
      const at = layers.findIndex((layer) => layer.node === node)
      return { name: node, candidates, kind: 'weights' as const, at }
    }),
    ...ownActivations.map(({ value, candidates }) => {
      const at = activations.findIndex((activation) => activation.value === value)
      return { name: value, candidates, kind: 'activations' as const, at }
    }),
  ]
  const assignmentOf = (choice: readonly number[]): Assignment => {
    const changed: { weights: Assignment['weights'][number][]; activations: Assignment['activations'][number][] } = {
      weights: [...start.weights],
      activations: [...start.activations],
    }
    for (const [i, { candidates, kind, at }] of rows.entries()) {
      const candidate = candidates[choice[i]!]!
      changed[kind][at] = (candidate.final ?? candidate) as never
    }
    return changed
  }
  return {
    names: rows.map(({ name }) => name),
    bits: rows.map(({ candidates }) => candidates.map(({ bits }) => bits)),
    choiceOf: (assignment) =>
      rows.map(({ candidates, kind, at }) =>
        (candidates as readonly { final?: unknown }[]).findIndex((one) => (one.final ?? one) === assignment[kind][at]),
      ),
    assignmentOf,
    fits: (choice) => keepsBudget(budget, assignmentOf(choice)),
  }
}

/** Whether an assignment keeps every budget; one on the wire only shows when the file is written. */
export function keepsBudget(budget: Budget, { weights, activations }: Assignment): boolean {
  const { weightsMemory, fileSize, activationMemory: memory, totalMemory, bops } = budget
  const sum = (key: 'weightsBytes' | 'fileBytes') => weights.reduce((total, candidate) => total + candidate[key], 0)
  const widths = (list: readonly { readonly bits: number }[]) => list.map(({ bits }) => bits)
  const once = [...(fileSize?.once ?? [])].reduce(
    (total, [bits, bytes]) => total + (weights.some((candidate) => candidate.bits === bits) ? bytes : 0),
    0,
  )
  const [weightBits, activationBits] = [widths(weights), widths(activations)]
  return (
    (weightsMemory === undefined || sum('weightsBytes') <= weightsMemory) &&
    (fileSize === undefined || fileSize.fixed + once + sum('fileBytes') <= fileSize.limit) &&
    (memory === undefined || activationMemory(memory.cuts, activationBits) <= memory.limit) &&
    (totalMemory === undefined ||
      sum('weightsBytes') + activationMemory(totalMemory.cuts, activationBits) <= totalMemory.limit) &&
    (bops === undefined || bopsOf(bops, weightBits, activationBits) <= bops.limit)
  )
}

/** The choice with some rows changed. */
export const changed = (choice: readonly number[], changes: readonly Change[]): readonly number[] =>
  changes.reduce((result, { row, to }) => result.with(row, to), choice)

/** All changes of one row; rows that are pinned have none. */
export const singleChanges = ({ bits }: SearchSpace, choice: readonly number[]): Change[] =>
  choice.flatMap((from, row) => (from < 0 ? [] : bits[row]!.flatMap((_, to) => (to === from ? [] : [{ row, to }]))))
