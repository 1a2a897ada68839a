/** Exit codes by family of errors. */
export const exitCodes = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  model: 3,
  data: 4,
  infeasible: 5,
  runtime: 6,
  output: 7,
  aborted: 130,
} as const

/** What `--help` says about them. */
export const exitCodeHelp = `
Exit codes:
  0    done
  1    unexpected error (a bug: please report it)
  2    wrong command line, config, budget text or target platform
  3    the model cannot be read or has nothing to quantize
  4    calibration or test data, or a run record, missing, unreadable or unfit
  5    no assignment fits the budget
  6    the runtime refused or failed
  7    the result cannot be written
  130  interrupted; the same command resumes`

/** First match wins; codes are those of the docs page on errors. */
const families: readonly (readonly [RegExp, number])[] = [
  [/^ABORTED$/, exitCodes.aborted],
  [/^(BUDGET_INFEASIBLE|SOLVER_TIME_LIMIT)$/, exitCodes.infeasible],
  [/^(RUN_RECORD|DATA|FEED|LABELS|OBSERVATION|ACTIVATION|LOSS)_/, exitCodes.data],
  [/^(OUTPUT|CHECKPOINT)_/, exitCodes.output],
  [/^(ONNX|TFJS)_(RUN|RUNTIME_MISSING|COMPILE)$|^(SESSION|ARTIFACT|STUDIO)_/, exitCodes.runtime],
  [/^(USAGE|OPTION|CONFIG|BUDGET|TARGET_PLATFORM|BIT_WIDTH|INTEREST_POINTS|METRIC)(_|$)/, exitCodes.usage],
  [/^(MODEL|ONNX|TFJS|GRAPH|TENSOR|NOTHING_TO|NO_INTEREST|WEIGHT)_/, exitCodes.model],
]

/** The exit code for what was thrown: by the `code` of a MixbitError, else `unexpected`. */
export function exitCodeOf(error: unknown): number {
  const code =
    error instanceof Error && error.name === 'MixbitError' ? (error as Error & { code: string }).code : undefined
  return families.find(([pattern]) => code !== undefined && pattern.test(code))?.[1] ?? exitCodes.unexpected
}
