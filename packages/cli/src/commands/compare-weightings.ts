import type { WeightingComparison } from '@mixbit/core'
import type { Command } from 'commander'
import * as format from '../format.ts'
import type { CommonOptions, DataOptions, SweepOptions } from '../options.ts'
import { jobOptions, openCheckpoint, prepare, type Run } from '../run.ts'
import { right, table } from '../table.ts'
import { type BudgetFlags, budgetOf } from './budget.ts'

/** Options of `mixbit compare-weightings`. */
export interface CompareWeightingsFlags extends CommonOptions, DataOptions, SweepOptions, BudgetFlags {}

/** Prints what every distance weighting would choose under one budget. */
export async function compareWeightingsCommand(run: Run, command: Command, model: string): Promise<void> {
  const prepared = await prepare<CompareWeightingsFlags>(run, command, model)
  const { options, core, progress, sections } = prepared
  const job = jobOptions(run, prepared, await openCheckpoint(options))
  const comparison = await core
    .compareWeightings(model, { ...job, targetResourceUtilization: budgetOf(options, sections) })
    .finally(progress.end)
  run.io.stdout(options.json ? format.json(comparison) : comparisonText(comparison))
}

/** Layers and then activations (~) down, weightings across; starved output layers are marked. */
export function comparisonText({ layers, activations, choices }: WeightingComparison): string {
  const starved = (choice: WeightingComparison['choices'][number], node: string) =>
    choice.outputLayers.some((end) => end.node === node && end.starved)
  const rows = layers.map((node, i) => [
    node,
    ...choices.map((choice) => `${starved(choice, node) ? '! ' : ''}${choice.bits[i]}`),
  ])
  const searched = choices.some(({ activationBits }) => new Set(activationBits).size > 1)
  if (searched)
    rows.push(
      ...activations.map((value, i) => [`~ ${value}`, ...choices.map((choice) => `${choice.activationBits[i]}`)]),
    )
  const outputs = choices[0]!.outputs.flatMap(({ output }, i) => [
    [`${output}: SQNR dB`, ...choices.map((choice) => choice.outputs[i]!.sqnr.toFixed(1))],
    [
      `${output}: top-1 agreement`,
      ...choices.map(({ outputs }) => {
        const { top1Agreement } = outputs[i]!
        return top1Agreement === null ? '-' : format.percent(top1Agreement)
      }),
    ],
  ])
  const sums = [
    ['weights', ...choices.map(({ weightsMemory }) => format.bytes(weightsMemory))],
    ['summed sensitivity', ...choices.map(({ sensitivity }) => format.number(sensitivity))],
    ...outputs,
  ]
  const columns = ['', ...choices.map(({ method }) => right(method))]
  const marked = choices.some((choice) => choice.outputLayers.some((end) => end.starved))
  return `${table(['layer', ...columns.slice(1)], rows)}\n${table(columns, sums)}${
    marked ? '\n! the last layer before an output has 2 bits or less, which can ruin that output\n' : ''
  }`
}
