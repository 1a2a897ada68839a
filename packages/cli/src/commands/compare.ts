import type { Session } from '@mixbit/adapter'
import { numberAt } from '@mixbit/inputs'
import type { Command } from 'commander'
import { readArtifact, sizeOf } from '../backend.ts'
import * as format from '../format.ts'
import { loadInputs, loadLabels } from '../inputs/load.ts'
import { MixbitError, type Tensor, type Tensors } from '../mixbit.ts'
import { type CommonOptions, type DataOptions, inputOptions } from '../options.ts'
import { showProgress } from '../progress.ts'
import { backend, type Run, required } from '../run.ts'
import { right, table } from '../table.ts'

interface CompareFlags extends CommonOptions, DataOptions {
  readonly labels?: string
}

/** What `compare --json` prints. */
export interface Comparison {
  readonly samples: number
  readonly outputs: readonly {
    readonly output: string
    readonly sqnr: number
    readonly cosine: number
    readonly top1Agreement: number | null
  }[]
  /** Shares of right top-1 answers, when labels were given. */
  readonly accuracy: { readonly output: string; readonly float: number; readonly quantized: number } | null
  readonly fileSize: { readonly float: number; readonly quantized: number }
}

/** Runs the float and the quantized file on the same inputs, under the runtime's default options. */
export async function compareCommand(
  run: Run,
  command: Command,
  floatPath: string,
  quantizedPath: string,
): Promise<void> {
  const options = command.opts<CompareFlags>()
  const source = required(
    options.calibration,
    '--calibration',
    'the inputs to compare on: a folder of pictures, a .npy file, or "random"',
  )
  const { adapter, core } = await backend(run, options, floatPath)
  const [graph, quantized] = [await adapter.read(floatPath), await adapter.read(quantizedPath)]
  const outputs = graph.outputs.filter((id) => quantized.outputs.includes(id))
  if (outputs.length === 0)
    throw new MixbitError(
      'MODEL_MISMATCH',
      `The models have no output in common: [${graph.outputs}] and [${quantized.outputs}].`,
      {
        hint: 'Compare a model with the file that was made from it.',
      },
    )
  const { names, feeds, warnings } = await loadInputs(graph, inputOptions(options, source))
  for (const warning of warnings) if (!options.quiet) run.io.stderr(`warning: ${warning}\n`)
  const labels = options.labels === undefined ? undefined : await loadLabels(options.labels, names)
  const [floatBytes, quantizedBytes] = [await readArtifact(floatPath), await readArtifact(quantizedPath)]

  const progress = showProgress(run.io, options.quiet === true || options.json === true)
  const counted = { done: 0 }
  const sessions: Session[] = []
  try {
    // The float model may keep its weights in other files, so it is compiled from what was read; `open` is the user's way.
    const float = recording(await adapter.compile(graph, graph.outputs))
    sessions.push(float.session)
    const small = recording(
      await (adapter.open?.(quantizedBytes) ?? adapter.compile(quantized, quantized.outputs)),
      () => progress.on({ stage: 'artifact', done: ++counted.done, total: feeds.length }),
    )
    sessions.push(small.session)
    const distances = await core.compareSessions(float.session, small.session, feeds, outputs, { signal: run.signal })
    const result: Comparison = {
      samples: feeds.length,
      outputs: distances,
      accuracy: labels ? accuracy(labels, outputs, float.top1, small.top1) : null,
      fileSize: { float: sizeOf(floatBytes), quantized: sizeOf(quantizedBytes) },
    }
    progress.end()
    run.io.stdout(options.json ? format.json(result) : compareText(result))
  } finally {
    progress.end()
    for (const session of sessions) await session.dispose()
  }
}

/** A session that notes the class of every output that is one row of scores. */
function recording(session: Session, onRun = () => {}) {
  const top1 = new Map<string, number[]>()
  const run = async (feeds: Tensors) => {
    const outputs = await session.run(feeds)
    for (const [id, tensor] of outputs) if (isScores(tensor)) top1.set(id, [...(top1.get(id) ?? []), argmax(tensor)])
    onRun()
    return outputs
  }
  return { session: { run, dispose: () => session.dispose() }, top1 }
}

/** One sample's class scores: a single extent above 1, such as [1, 10] or [1, 1000, 1, 1]. */
const isScores = ({ shape, dtype }: Tensor) => /^(b?f|u?i)/.test(dtype) && shape.filter((n) => n !== 1).length === 1

function argmax(tensor: Tensor): number {
  let best = 0
  for (let i = 1; i < tensor.data.length; i++) if (numberAt(tensor, i) > numberAt(tensor, best)) best = i
  return best
}

function accuracy(
  labels: readonly number[],
  outputs: readonly string[],
  float: ReadonlyMap<string, number[]>,
  quantized: ReadonlyMap<string, number[]>,
) {
  const output = outputs.find(
    (id) => float.get(id)?.length === labels.length && quantized.get(id)?.length === labels.length,
  )
  if (output === undefined)
    throw new MixbitError(
      'LABELS_UNUSABLE',
      'No output is one row of class scores per sample, so labels mean nothing here.',
      {
        hint: 'Leave --labels out.',
        context: { outputs },
      },
    )
  const share = (classes: readonly number[]) => classes.filter((top, i) => top === labels[i]).length / labels.length
  return { output, float: share(float.get(output)!), quantized: share(quantized.get(output)!) }
}

function compareText({ samples, outputs, accuracy: scored, fileSize }: Comparison): string {
  const rows = outputs.map((each) => [
    each.output,
    each.sqnr.toFixed(1),
    each.cosine.toFixed(5),
    each.top1Agreement === null ? '-' : format.percent(each.top1Agreement),
  ])
  const right1 = scored
    ? `accuracy  ${scored.output}: float ${format.percent(scored.float)}, quantized ${format.percent(scored.quantized)}\n`
    : ''
  return `${table(['output', right('SQNR dB'), right('cosine'), right('top-1 agreement')], rows)}
${right1}samples   ${samples}
files     ${format.bytes(fileSize.float)} float, ${format.bytes(fileSize.quantized)} quantized (${format.percent(fileSize.quantized / fileSize.float)})
`
}
