import { withSession } from '@mixbit/adapter'
import type { Graph, Tensors, ValueId } from '@mixbit/graph'
import type { Job } from './job.ts'
import { breathe, checkAborted, type ProgressEvent } from './progress.ts'

/** Runs a graph over the samples, one by one, and shows what it gives for some values; nothing runs for none. */
export async function eachSample(
  { adapter, samples, signal, onProgress }: Pick<Job, 'adapter' | 'samples' | 'signal' | 'onProgress'>,
  graph: Graph,
  values: Iterable<ValueId>,
  progress: Pick<ProgressEvent, 'stage' | 'message'>,
  show: (tensors: Tensors, sample: Tensors) => void,
): Promise<void> {
  const wanted = [...new Set(values)]
  if (wanted.length === 0) return
  await withSession(adapter, graph, wanted, async (session) => {
    for (const [i, sample] of samples.entries()) {
      checkAborted(signal)
      show(await session.run(sample), sample)
      onProgress?.({ ...progress, done: i + 1, total: samples.length })
      await breathe()
    }
  })
}
