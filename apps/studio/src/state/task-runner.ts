import type { ProgressEvent } from '@mixbit/core'
import { type Pipeline, TaskError } from '../worker/client.ts'
import type { Answer, Argument, Problem, TaskName } from '../worker/protocol.ts'
import type { Action } from './reducer.ts'
import type { State, Step } from './state.ts'

export interface Store {
  get(): State
  dispatch(action: Action): void
}

export type TaskRunner = ReturnType<typeof taskRunner>

const problemOf = (error: unknown): Problem =>
  error instanceof TaskError
    ? error.problem
    : { code: 'UNEXPECTED', message: (error as Error).message, hint: 'Reload the page.' }

/** Calls of the worker whose problems go into the state, beside the step that they belong to: nothing here throws. */
export function taskRunner({ dispatch }: Store, pipeline: Pipeline) {
  let controller: AbortController | null = null
  let queue: Promise<unknown> = Promise.resolve()
  const say = (text: string) => dispatch({ type: 'said', text })
  const tell = quarters(say)

  /** The answer, or null and a problem. */
  const attempt = async <T>(step: Step, run: () => Promise<T>): Promise<T | null> => {
    try {
      return await run()
    } catch (error) {
      dispatch({ type: 'failed', step, problem: problemOf(error) })
      return null
    }
  }

  const runLong = async <K extends TaskName>(step: Step, task: K, argument: Argument<K>) => {
    controller = new AbortController()
    const { signal } = controller
    dispatch({ type: 'started', task, step })
    const onProgress = (event: ProgressEvent) => {
      dispatch({ type: 'progressed', event })
      tell(event)
    }
    const answer = await attempt(step, () => pipeline.call(task, argument, { signal, onProgress }))
    dispatch({ type: 'ended' })
    return answer
  }

  return {
    say,
    attempt,
    /** One long task at a time, with progress. */
    long<K extends TaskName>(step: Step, task: K, argument: Argument<K>): Promise<Answer<K> | null> {
      const answer = queue.then(() => runLong(step, task, argument))
      queue = answer
      return answer
    },
    /** Ends the long task that is running. */
    cancel: () => controller?.abort(),
  }
}

/** A screen reader hears of the sweep four times, not of every layer. */
function quarters(say: (text: string) => void): (event: ProgressEvent) => void {
  let last = 0
  return ({ stage, done, total }) => {
    const now = stage === 'sensitivity' ? Math.floor((4 * done) / Math.max(1, total)) : 0
    if (now !== last && now > 0 && now < 4) say(`${25 * now} % measured.`)
    last = now
  }
}
