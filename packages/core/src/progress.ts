import { MixbitError } from '@mixbit/graph'

/** The steps of the job, as design and docs name them. */
export type Stage =
  | 'graph'
  | 'prepared'
  | 'observed'
  | 'candidates'
  | 'sensitivity'
  | 'assignment'
  | 'quantized'
  | 'artifact'

export interface ProgressEvent {
  readonly stage: Stage
  readonly done: number
  readonly total: number
  /** What is being worked on. */
  readonly message?: string
  /** Estimated time left in this stage, in milliseconds. */
  readonly remainingMs?: number
}

/** What long steps get handed down. */
export interface Report {
  readonly onProgress?: (event: ProgressEvent) => void
  readonly signal?: AbortSignal
}

/** @throws MixbitError `ABORTED` once the signal has fired. */
export function checkAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted)
    throw new MixbitError('ABORTED', 'The run was cancelled.', {
      hint: 'Nothing was written. With a checkpoint, the same call goes on where it stopped.',
      cause: signal.reason,
    })
}

let lastBreath = 0
/** Lets timers, signals and the page have their turn, some times a second: the runtimes block the event loop while they run. */
export async function breathe(): Promise<void> {
  if (performance.now() - lastBreath < 50) return
  await new Promise((resolve) => setTimeout(resolve, 0))
  lastBreath = performance.now()
}
