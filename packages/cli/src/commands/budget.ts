import type { CoreSections } from '../config-file.ts'
import { defined } from '../run.ts'

/** Flags of the commands that take a budget. */
export interface BudgetFlags {
  readonly weightsMemory?: string
  readonly fileSize?: string
}

/** The budget of the config file, with the flags over it. */
export const budgetOf = ({ weightsMemory, fileSize }: BudgetFlags, { targetResourceUtilization }: CoreSections) => ({
  ...targetResourceUtilization,
  ...defined({ weightsMemory: size(weightsMemory), fileSize: size(fileSize) }),
})

/** A bare number is bytes. */
const size = (text: string | undefined) =>
  text !== undefined && /^\s*[+-]?[\d.]+\s*$/.test(text) ? Number(text) : text
