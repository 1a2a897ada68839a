import { fixedFileBytes } from './artifact.ts'
import { freedom } from './assign.ts'
import type { Job } from './job.ts'
import { type FloatSizes, floatSizes, type Measures, measuresFor, type Resource } from './limits.ts'
import { type Observed, observe } from './observe.ts'

/** A model before the sweep: read, prepared, with candidates, observed, and with what budgets are made of. */
export interface ObservedModel<Artifact = unknown> {
  readonly job: Job<Artifact>
  readonly observed: Observed
  readonly sizes: FloatSizes
  readonly measures: Measures
  /** Bytes of the file beside its weights; null when the adapter cannot write. */
  readonly fixedBytes: number | null
}

/** Observes a model for budgets on these resources. */
export async function observeModel<Artifact>(
  job: Job<Artifact>,
  resources: readonly Resource[],
): Promise<ObservedModel<Artifact>> {
  const wanted = new Set(resources)
  const observed = await observe(job, freedom(Object.fromEntries(resources.map((name) => [name, 1]))).activations)
  return {
    job,
    observed,
    sizes: await floatSizes(job, wanted.has('transferSize')),
    measures: await measuresFor(job, observed, wanted),
    fixedBytes: await fixedFileBytes(job, observed),
  }
}
