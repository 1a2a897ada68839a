import { join } from 'node:path'
import type { GraphStage, JobOptions, Quantized } from '@mixbit/core'
import type { Graph, Tensors } from '@mixbit/graph'
import { encodeEvents, eventFileName } from '@mixbit/tensorboard'
import type { FileAdapter } from '../backend.ts'
import { makeFolder, writeWhole } from '../output.ts'
import type { Run } from '../run.ts'
import { activationStatistics } from './activation-statistics.ts'
import { stageRuns } from './stage-runs.ts'

/** Keeps the graphs of a run, and writes them with what was found out. */
export interface Log {
  readonly onGraph: NonNullable<JobOptions['onGraph']>
  /** @throws MixbitError `OUTPUT_WRITE`, `ABORTED` */
  write(quantized: Quantized, adapter: FileAdapter, samples: readonly Tensors[]): Promise<void>
}

/**
 * Event files for TensorBoard: a folder for each stage below `folder`, which is made at once. Files of an earlier run into the same folder
 * are replaced.
 * @throws MixbitError `OUTPUT_WRITE`
 */
export async function logTo(folder: string, run: Run): Promise<Log> {
  await makeFolder(folder)
  const graphs = new Map<GraphStage, Graph>()
  return {
    onGraph: (stage, graph) => void graphs.set(stage, graph),
    async write(quantized, adapter, samples) {
      const float = quantized.analysis?.job.prepared
      const activations = float ? await activationStatistics(adapter, float, samples, run.signal) : new Map()
      for (const [stage, entries] of stageRuns({ graphs, quantized, activations })) {
        await makeFolder(join(folder, stage))
        await writeWhole(join(folder, stage, eventFileName), encodeEvents(entries), run.cleanups)
      }
    },
  }
}
