import { MixbitError } from '@mixbit/graph'
import { bopsMeasure, type LiveCut, liveCuts } from './activation-memory.ts'
import { fixedFileBytes, onceBytes } from './artifact.ts'
import type { Budget } from './assign.ts'
import type { BopsBudget } from './bops.ts'
import { parseBudget } from './budget.ts'
import { floatWeightsBytes, type Job, type ResourceUtilization } from './job.ts'
import type { Observed } from './observe.ts'
import { floatUtilization } from './utilization.ts'
import { wireBytes } from './wire-bytes.ts'

/** Bytes of the float model: of its quantizable weights, and of its file (null when the adapter cannot write). */
export interface FloatSizes {
  readonly weightsMemory: number
  readonly fileSize: number | null
  /** On the wire; null unless a budget asks for it and the adapter tells. */
  readonly transferSize: number | null
}

/** What budgets on activations and bit operations are made of; null where no budget asks for it. */
export interface Measures {
  readonly cuts: readonly LiveCut[] | null
  readonly bops: Omit<BopsBudget, 'limit'> | null
}

export async function floatSizes({ adapter, graph, layers }: Job, wire = false): Promise<FloatSizes> {
  const artifact = adapter.write && adapter.byteLength ? await adapter.write(graph) : null
  return {
    weightsMemory: floatWeightsBytes(layers),
    fileSize: artifact === null ? null : adapter.byteLength!(artifact),
    transferSize: artifact !== null && wire ? wireBytes(await adapter.transferBytes?.(artifact)) : null,
  }
}

/** Upper limits in bytes; an unset one is absent. */
export type Limits = { readonly [K in keyof ResourceUtilization]?: number }

const resources = ['weightsMemory', 'fileSize', 'transferSize', 'activationMemory', 'totalMemory', 'bops'] as const

/** @throws MixbitError `OPTION_UNKNOWN` for a budget that there is not. */
export function checkBudgetNames(budget: ResourceUtilization = {}): void {
  const unknown = Object.keys(budget).filter((name) => !(resources as readonly string[]).includes(name))
  if (unknown.length > 0)
    throw new MixbitError('OPTION_UNKNOWN', `Unknown budget(s) in targetResourceUtilization: ${unknown.join(', ')}.`, {
      hint: `Budgets are ${resources.join(', ')}.`,
    })
}

/**
 * The limits in bytes and the cuts that budgets on activations need (their float sizes are those at 32 bits).
 * @throws MixbitError those of `parseBudget`.
 */
export async function limitsOf(
  job: Job,
  { activations }: Observed,
  budget: ResourceUtilization = {},
  sizes: FloatSizes,
): Promise<Measures & { limits: Limits }> {
  if (budget.transferSize !== undefined && sizes.transferSize === null)
    throw new MixbitError('OPTION_UNKNOWN', `The adapter ${job.adapter.name} knows no budget on transferSize.`, {
      hint: 'Set a budget on fileSize; for what a page loads, take the adapter for TF.js.',
    })
  const needsCuts = budget.activationMemory !== undefined || budget.totalMemory !== undefined
  const cuts = needsCuts ? await liveCuts(job, activations) : null
  const bops = budget.bops === undefined ? null : await bopsMeasure(job, activations)
  const whole = floatUtilization(sizes, { cuts, bops })
  const limits = resources.flatMap((name) => {
    const limit = budget[name]
    return limit === undefined ? [] : [[name, parseBudget(name, limit, whole[name] ?? Number.NaN)]]
  })
  return { limits: Object.fromEntries(limits), cuts, bops }
}

/** The limits as the search takes them. */
export async function searchBudget(
  job: Job,
  observed: Observed,
  { weightsMemory, fileSize, transferSize, activationMemory, totalMemory, bops }: Limits,
  measures: Measures,
): Promise<Budget> {
  const fixed = fileSize === undefined ? null : await fixedFileBytes(job, observed)
  return {
    ...(weightsMemory !== undefined && { weightsMemory }),
    ...(fileSize !== undefined && fixed !== null && { fileSize: { limit: fileSize, fixed, once: onceBytes(job) } }),
    ...(transferSize !== undefined && { transferSize }),
    ...(activationMemory !== undefined && { activationMemory: { limit: activationMemory, cuts: measures.cuts! } }),
    ...(totalMemory !== undefined && { totalMemory: { limit: totalMemory, cuts: measures.cuts! } }),
    ...(bops !== undefined && { bops: { ...measures.bops!, limit: bops } }),
  }
}
