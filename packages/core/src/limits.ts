import { MixbitError } from '@mixbit/graph'
import { fixedFileBytes, onceBytes } from './artifact.ts'
import type { ByteBudget } from './assign.ts'
import { parseBudget } from './budget.ts'
import { floatWeightsBytes, type Job, type ResourceUtilization } from './job.ts'
import type { Observed } from './observe.ts'

/** Bytes of the float model: of its quantizable weights, and of its file (null when the adapter cannot write). */
export interface FloatSizes {
  readonly weightsMemory: number
  readonly fileSize: number | null
}

export async function floatSizes({ adapter, graph, layers }: Job): Promise<FloatSizes> {
  const artifact = adapter.write && adapter.byteLength ? await adapter.write(graph) : null
  return {
    weightsMemory: floatWeightsBytes(layers),
    fileSize: artifact === null ? null : adapter.byteLength!(artifact),
  }
}

/** Upper limits in bytes; an unset one is absent. */
export interface Limits {
  readonly weightsMemory?: number
  readonly fileSize?: number
}

/** The limits in bytes. @throws MixbitError `OPTION_UNKNOWN` and those of `parseBudget`. */
export function limitsOf(budget: ResourceUtilization = {}, sizes: FloatSizes): Limits {
  const unknown = Object.keys(budget).filter((name) => name !== 'weightsMemory' && name !== 'fileSize')
  if (unknown.length > 0)
    throw new MixbitError('OPTION_UNKNOWN', `Unknown budget(s) in targetResourceUtilization: ${unknown.join(', ')}.`, {
      hint: 'Budgets are weightsMemory and fileSize.',
    })
  const { weightsMemory, fileSize } = budget
  return {
    ...(weightsMemory !== undefined && {
      weightsMemory: parseBudget('weightsMemory', weightsMemory, sizes.weightsMemory),
    }),
    ...(fileSize !== undefined && { fileSize: parseBudget('fileSize', fileSize, sizes.fileSize ?? Number.NaN) }),
  }
}

/** The limits as the search takes them, with what a file has beside the weights of its layers. */
export async function byteBudget(
  job: Job,
  observed: Observed,
  { weightsMemory, fileSize }: Limits,
): Promise<ByteBudget> {
  const fixed = fileSize === undefined ? null : await fixedFileBytes(job, observed)
  return {
    ...(weightsMemory !== undefined && { weightsMemory }),
    ...(fileSize !== undefined && fixed !== null && { fileSize: { limit: fileSize, fixed, once: onceBytes(job) } }),
  }
}
