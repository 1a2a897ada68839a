import type { CoreSections } from '../config-file.ts'
import { defined } from '../run.ts'

/** Flags of the commands that take a budget. */
export interface BudgetFlags {
  readonly weightsMemory?: string
  readonly fileSize?: string
  readonly transferSize?: string
  readonly activationMemory?: string
  readonly totalMemory?: string
  readonly bops?: string
}

/** The budget of the config file, with the flags over it. */
export const budgetOf = (flags: BudgetFlags, { targetResourceUtilization }: CoreSections) => ({
  ...targetResourceUtilization,
  ...defined({
    weightsMemory: size(flags.weightsMemory),
    fileSize: size(flags.fileSize),
    transferSize: size(flags.transferSize),
    activationMemory: size(flags.activationMemory),
    totalMemory: size(flags.totalMemory),
    bops: size(flags.bops),
  }),
})

/** A bare number is bytes. */
const size = (text: string | undefined) =>
  text !== undefined && /^\s*[+-]?[\d.]+\s*$/.test(text) ? Number(text) : text
