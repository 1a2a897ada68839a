import { MixbitError } from '@mixbit/graph'
import { bopsMeasure, type LiveCut, liveCuts } from './activation-memory.ts'
import { onceBytes } from './artifact.ts'
import type { Budget } from './assign.ts'
import type { BopsBudget } from './bops.ts'
import { parseBudget } from './budget.ts'
import { floatWeightsBytes, type Job, type ResourceUtilization } from './job.ts'
import type { Observed } from './observe.ts'
import type { ObservedModel } from './observed-model.ts'
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

/** What a budget can limit. */
export type Resource = keyof ResourceUtilization

/** Upper limits in bytes; an unset one is absent. */
export type Limits = { readonly [K in Resource]?: number }

const resources = ['weightsMemory', 'fileSize', 'transferSize', 'activationMemory', 'totalMemory', 'bops'] as const

/** @throws MixbitError `OPTION_UNKNOWN` for a budget that there is not. */
export function checkBudgetNames(budget: ResourceUtilization = {}): void {
  const unknown = Object.keys(budget).filter((name) => !(resources as readonly string[]).includes(name))
  if (unknown.length > 0)
    throw new MixbitError('OPTION_UNKNOWN', `Unknown budget(s) in targetResourceUtilization: ${unknown.join(', ')}.`, {
      hint: `Budgets are ${resources.join(', ')}.`,
    })
}

/** The resources that a budget limits. */
export const namesOf = (budget: ResourceUtilization = {}): Resource[] =>
  resources.filter((name) => budget[name] !== undefined)

/** What budgets on these resources are made of: runs the float graph once where activations or bit operations count. */
export async function measuresFor(
  job: Job,
  { activations }: Observed,
  wanted: ReadonlySet<Resource>,
): Promise<Measures> {
  const needsCuts = wanted.has('activationMemory') || wanted.has('totalMemory')
  return {
    cuts: needsCuts ? await liveCuts(job, activations) : null,
    bops: wanted.has('bops') ? await bopsMeasure(job, activations) : null,
  }
}

/**
 * The limits in bytes; shares are those of the float model, whose activations have 32 bits.
 * @throws MixbitError `RESOURCE_NOT_ANALYZED` for a budget that the model was not observed for, and those of `parseBudget`.
 */
export function limitsOf({ job, sizes, measures }: ObservedModel, budget: ResourceUtilization = {}): Limits {
  checkBudgetNames(budget)
  const whole = floatUtilization(sizes, measures)
  const limits = resources.flatMap((name) => {
    const limit = budget[name]
    if (limit === undefined) return []
    if (name !== 'fileSize' && whole[name] === null) throw notAnalyzed(job, name)
    return [[name, parseBudget(name, limit, whole[name] ?? Number.NaN)]]
  })
  return Object.fromEntries(limits)
}

const notAnalyzed = ({ adapter }: Job, name: Resource) =>
  name === 'transferSize' && !adapter.transferBytes
    ? new MixbitError('OPTION_UNKNOWN', `The adapter ${adapter.name} knows no budget on transferSize.`, {
        hint: 'Set a budget on fileSize; for what a page loads, take the adapter for TF.js.',
      })
    : new MixbitError('RESOURCE_NOT_ANALYZED', `The model was not analyzed for a budget on ${name}.`, {
        hint: `Name it when you analyze: analyze(model, { resources: ['${name}', ...] }).`,
        context: { resource: name },
      })

/** The limits as the search takes them. */
export function searchBudget({ job, measures, fixedBytes }: ObservedModel, limits: Limits): Budget {
  const { weightsMemory, fileSize, transferSize, activationMemory, totalMemory, bops } = limits
  return {
    ...(weightsMemory !== undefined && { weightsMemory }),
    ...(fileSize !== undefined &&
      fixedBytes !== null && { fileSize: { limit: fileSize, fixed: fixedBytes, once: onceBytes(job) } }),
    ...(transferSize !== undefined && { transferSize }),
    ...(activationMemory !== undefined && { activationMemory: { limit: activationMemory, cuts: measures.cuts! } }),
    ...(totalMemory !== undefined && { totalMemory: { limit: totalMemory, cuts: measures.cuts! } }),
    ...(bops !== undefined && { bops: { ...measures.bops!, limit: bops } }),
  }
}
