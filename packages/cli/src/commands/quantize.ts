import type { QuantizeReport } from '@mixbit/core'
import type { Command } from 'commander'
import { isTfjs } from '../backend.ts'
import * as format from '../format.ts'
import type { CommonOptions, DataOptions, SweepOptions } from '../options.ts'
import { checkOutput, writeArtifact, writeWhole } from '../output.ts'
import { defined, jobOptions, openCheckpoint, prepare, type Run, required } from '../run.ts'
import { right, table } from '../table.ts'
import { type BudgetFlags, budgetOf } from './budget.ts'

/** Options of `mixbit quantize`. */
export interface QuantizeFlags extends CommonOptions, DataOptions, SweepOptions, BudgetFlags {
  readonly output?: string
  readonly report?: string
  readonly logDir?: string
  readonly similarity?: boolean
  readonly schedule?: boolean
  readonly interactions?: boolean
  readonly remeasure?: number
}

/** Reads, measures, chooses, and writes the small model. */
export async function quantizeCommand(run: Run, command: Command, model: string): Promise<void> {
  const prepared = await prepare<QuantizeFlags>(run, command, model, async ({ output, report }) => {
    const path = required(output, '--output', 'the file to write, with -o small.onnx')
    await checkOutput(path, [model], await isTfjs(model))
    if (report !== undefined) await checkOutput(report, [model])
  })
  const { options, core, progress, sections } = prepared
  const output = options.output!
  const log =
    options.logDir === undefined ? undefined : await (await import('../log/log-dir.ts')).logTo(options.logDir, run)
  const checkpoint = await openCheckpoint(options, `${output.replace(/[/\\]+$/, '')}.mixbit-sweep.jsonl`)

  const job = jobOptions(run, prepared, checkpoint)
  const { coreConfig } = job
  const debugConfig = {
    ...coreConfig.debugConfig,
    ...defined({ analyzeSimilarity: options.similarity, simulateScheduler: options.schedule }),
  }
  const mixedPrecisionConfig = {
    ...coreConfig.mixedPrecisionConfig,
    ...defined({ interactions: options.interactions, remeasure: options.remeasure }),
  }
  const quantized = await core
    .quantize(model, {
      ...job,
      ...(log && { onGraph: log.onGraph }),
      coreConfig: { ...coreConfig, debugConfig, mixedPrecisionConfig },
      targetResourceUtilization: budgetOf(options, sections),
    })
    .finally(progress.end)

  const { artifact, report } = quantized
  await writeArtifact(output, artifact!, run.cleanups)
  if (options.report !== undefined)
    await writeWhole(options.report, format.json(await core.runRecord(quantized)), run.cleanups)
  await log?.write(quantized, prepared.adapter, prepared.inputs.feeds)
  // A checkpoint that the user named is the user's: it serves other budgets.
  if (options.checkpoint === undefined) await checkpoint?.remove()

  if (!options.quiet) for (const warning of report.warnings) run.io.stderr(`warning: ${warning}\n`)
  run.io.stdout(options.json ? format.json(report) : reportText(report, output))
}

/** The result for people: every layer, then the sums. */
export function reportText(report: QuantizeReport, output: string): string {
  const rows = report.layers.map((layer) => [
    layer.node,
    layer.kind,
    layer.shape.join('x'),
    String(layer.bits),
    format.bytes(layer.bytes),
    format.number(layer.sensitivity),
    layer.reason,
  ])
  const columns = ['layer', 'kind', 'shape', right('bits'), right('bytes'), right('sensitivity'), 'why']
  return `${table(columns, rows)}\n${activationTable(report)}${similarityTable(report)}${scheduleTable(report)}${summary(
    report,
    output,
  )
    .map(([name, text]) => `${name.padEnd(14)} ${text}\n`)
    .join('')}`
}

/** The activations, when their bits were searched. */
function activationTable({ activations }: QuantizeReport): string {
  if (activations.every(({ sensitivity }) => sensitivity === null)) return ''
  const rows = activations.map(({ value, bits, sensitivity, candidates }) => [
    value,
    String(bits),
    format.number(sensitivity),
    candidates.map((candidate) => `${candidate.bits}: ${format.number(candidate.sensitivity)}`).join('  '),
  ])
  return `${table(['activation', right('bits'), right('sensitivity'), 'sensitivity by bits'], rows)}\n`
}

/** The models side by side, when that was asked for. */
function similarityTable({ similarity }: QuantizeReport): string {
  if (similarity.length === 0) return ''
  const rows = similarity.map(({ node, sqnr, cosine, mse }) => [
    node,
    sqnr.toFixed(1),
    cosine.toFixed(5),
    format.number(mse),
  ])
  return `${table(['behind node', right('SQNR dB'), right('cosine'), right('MSE')], rows)}\n`
}

/** The memory of activations over the run, when that was asked for. */
function scheduleTable({ schedule }: QuantizeReport): string {
  if (schedule === null) return ''
  const { steps, peak } = schedule
  const bar = (bytes: number) => '█'.repeat(Math.round((30 * bytes) / Math.max(1, peak.bytes)))
  const rows = steps.map(({ node, bytes }) => [node, format.bytes(bytes), bar(bytes)])
  const alive = peak.tensors.map(({ value, bits, bytes }) => [value, String(bits), format.bytes(bytes)])
  const [atNodes, atPeak] = [
    table(['while this runs', right('activations'), ''], rows),
    table([`alive at the peak (${peak.node})`, right('bits'), right('bytes')], alive),
  ]
  return `${atNodes}\n${atPeak}\n`
}

function summary(report: QuantizeReport, output: string): [string, string][] {
  const { budget, utilization, floatUtilization, distances, solver } = report
  const share = (bytes: number | null, float: number | null, limit: number | null) =>
    `${format.bytes(bytes ?? 0)}${float ? `, ${format.percent((bytes ?? 0) / float)} of ${format.bytes(float)} in float` : ''}${limit === null ? '' : ` (budget ${format.bytes(limit)})`}`
  return [
    ['weights', share(utilization.weightsMemory, floatUtilization.weightsMemory, budget.weightsMemory)],
    ...(utilization.activationMemory === null
      ? []
      : ([
          ['activations', share(utilization.activationMemory, null, budget.activationMemory)],
          ['total', share(utilization.totalMemory, null, budget.totalMemory)],
        ] as [string, string][])),
    ...(utilization.bops === null
      ? []
      : ([
          [
            'bit operations',
            `${format.number(utilization.bops)}${budget.bops === null ? '' : ` (budget ${format.number(budget.bops)})`}`,
          ],
        ] as [string, string][])),
    [
      'file',
      `${share(report.bytes, floatUtilization.fileSize, budget.fileSize)}${report.predictedBytes === null ? '' : `, predicted ${format.bytes(report.predictedBytes)}`}`,
    ],
    ...(report.transferBytes
      ? [
          [
            'on the wire',
            [report.transferBytes.gzip, report.transferBytes.brotli]
              .flatMap((n, i) => (n === null ? [] : [`${format.bytes(n)} ${['gzip', 'brotli'][i]}`]))
              .join(', '),
          ] as [string, string],
        ]
      : []),
    ...report.corrections.map(
      ({ option, nodes }) => ['corrected', `${option} at ${nodes.join(', ')}`] as [string, string],
    ),
    ...(report.rounding.length > 0
      ? [
          [
            'rounding',
            `output loss ${format.number(report.rounding.at(-1)!.outputLoss)}; these bits rounded to the nearest: ${format.number(report.rounding[0]!.outputLoss)}`,
          ] as [string, string],
        ]
      : []),
    ...neighbourhoodLines(report),
    ...(solver
      ? [
          [
            'choice',
            `${solver.status}, ${report.distanceWeightingMethod}, sensitivity ${format.number(solver.objective)}${overSamples(report)}, gap ${format.number(solver.gap)}`,
          ] as [string, string],
        ]
      : []),
    ...distances.toFloat.map(
      (d) =>
        [
          'against float',
          `${d.output}: SQNR ${d.sqnr.toFixed(1)} dB, cosine ${d.cosine.toFixed(5)}${d.top1Agreement === null ? '' : `, top-1 agreement ${format.percent(d.top1Agreement)}`}`,
        ] as [string, string],
    ),
    ...distances.toSimulation.map(
      (d) =>
        ['simulation', `${d.output}: SQNR ${d.sqnr.toFixed(1)} dB between the file and what was simulated`] as [
          string,
          string,
        ],
    ),
    ['written', output],
  ]
}

const overSamples = ({ sensitivitySamples: count }: QuantizeReport): string =>
  count === null ? '' : ` over ${count} sample${count === 1 ? '' : 's'}`

/** What looking around the choice of the search has found. */
function neighbourhoodLines({ interactions, remeasured }: QuantizeReport): [string, string][] {
  const lines: [string, string][] = []
  if (interactions) {
    const { predicted, measured, taken, changed, withInteractions, summed, assignments } = interactions
    const agreement = ({ r2, spearman }: typeof summed) =>
      `R2 ${r2?.toFixed(3) ?? '-'}, Spearman ${spearman?.toFixed(3) ?? '-'}`
    lines.push(
      [
        'interactions',
        `output loss predicted ${format.number(predicted.before)} -> ${format.number(predicted.after)}, measured ${format.number(measured.before)} -> ${format.number(measured.after)}, ${changed.length} changed${taken ? '' : ' and not taken'}`,
      ],
      [
        'predictions',
        `of ${assignments.length} measured assignments: ${agreement(withInteractions)}; sums of losses: ${agreement(summed)}`,
      ],
    )
  }
  if (remeasured) {
    const { outputLoss, rounds } = remeasured
    const moves = rounds.flatMap(({ changes }) => changes.map(({ name, from, to }) => `${name} ${from} -> ${to}`))
    const last = rounds.at(-1)?.outputLoss ?? outputLoss
    lines.push([
      'remeasured',
      `output loss ${format.number(outputLoss)} -> ${format.number(last)}${moves.length > 0 ? `: ${moves.join(', ')}` : ''}`,
    ])
  }
  return lines
}
