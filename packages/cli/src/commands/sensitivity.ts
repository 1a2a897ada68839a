import type { Analysis } from '@mixbit/core'
import type { Command } from 'commander'
import * as format from '../format.ts'
import type { CommonOptions, DataOptions, SweepOptions } from '../options.ts'
import { jobOptions, openCheckpoint, prepare, type Run } from '../run.ts'
import { right, table } from '../table.ts'

type Flags = CommonOptions & DataOptions & SweepOptions

/** Measures without choosing: shared by `sensitivity` and `frontier`. */
export async function measure(
  run: Run,
  command: Command,
  model: string,
): Promise<{ analysis: Analysis; options: Flags }> {
  const prepared = await prepare<Flags>(run, command, model)
  const checkpoint = await openCheckpoint(prepared.options)
  const analysis = await prepared.core
    .analyze(model, jobOptions(run, prepared, checkpoint))
    .finally(prepared.progress.end)
  return { analysis, options: prepared.options }
}

/** Prints the sensitivity of every candidate of every layer. */
export async function sensitivityCommand(run: Run, command: Command, model: string): Promise<void> {
  const { analysis, options } = await measure(run, command, model)
  const layers = sensitivityRows(analysis)
  run.io.stdout(
    options.json ? format.json({ layers, floatWeightsMemory: analysis.floatWeightsMemory }) : sensitivityText(layers),
  )
}

/** One row per layer, its candidates widest first. */
export function sensitivityRows({ layers, scores }: Pick<Analysis, 'layers' | 'scores'>) {
  return layers.map(({ node, kind, shape, floatBytes, candidates }, i) => ({
    node,
    kind,
    shape,
    floatBytes,
    candidates: candidates.map(({ bits, weightsBytes }, c) => ({
      bits,
      bytes: weightsBytes,
      sensitivity: scores[i]?.[c] ?? null,
    })),
  }))
}

function sensitivityText(layers: ReturnType<typeof sensitivityRows>): string {
  const widths = [...new Set(layers.flatMap((layer) => layer.candidates.map(({ bits }) => bits)))].sort((a, b) => b - a)
  const rows = layers.map(({ node, kind, shape, floatBytes, candidates }) => [
    node,
    kind,
    shape.join('x'),
    format.bytes(floatBytes),
    ...widths.map((bits) => format.number(candidates.find((each) => each.bits === bits)?.sensitivity)),
  ])
  return table(['layer', 'kind', 'shape', right('float'), ...widths.map((bits) => right(`${bits} bits`))], rows)
}
