import type { ProgressEvent } from '@mixbit/core'
import type { Answer, Argument, FromWorker, Problem, TaskName, ToWorker } from './protocol.ts'

export interface CallOptions {
  readonly onProgress?: (event: ProgressEvent) => void
  readonly signal?: AbortSignal
}

/** A `Problem` that was thrown: what every call rejects with. */
export class TaskError extends Error {
  override readonly name = 'TaskError'
  readonly problem: Problem
  constructor(problem: Problem) {
    super(problem.message)
    this.problem = problem
  }
}

export interface Pipeline {
  call<K extends TaskName>(task: K, argument: Argument<K>, options?: CallOptions): Promise<Answer<K>>
}

type Port = Pick<Worker, 'postMessage' | 'addEventListener'>

interface Waiting {
  readonly onProgress: CallOptions['onProgress']
  resolve(answer: never): void
  reject(error: Error): void
}

/** The worker as functions. A worker that dies rejects every call that waits for it. */
export function pipelineOf(port: Port): Pipeline {
  const waiting = new Map<number, Waiting>()
  let next = 1
  const fail = (message: string) => {
    const problem = {
      code: 'WORKER_LOST',
      message,
      hint: 'Reload the page; if it happens again, the model or the data may need more memory than a tab has.',
    }
    for (const { reject } of waiting.values()) reject(new TaskError(problem))
    waiting.clear()
  }
  port.addEventListener('message', (event) => {
    const message = (event as MessageEvent<FromWorker>).data
    const entry = waiting.get(message.id)
    if (!entry) return
    if ('progress' in message) return entry.onProgress?.(message.progress)
    waiting.delete(message.id)
    if ('problem' in message) entry.reject(new TaskError(message.problem))
    else entry.resolve(message.answer as never)
  })
  port.addEventListener('error', (event) => fail((event as ErrorEvent).message || 'The worker stopped.'))
  return {
    call(task, argument, { onProgress, signal } = {}) {
      const id = next++
      return new Promise((resolve, reject) => {
        waiting.set(id, { onProgress, resolve, reject })
        port.postMessage({ id, task, argument } as ToWorker)
        const cancel = () => port.postMessage({ id, cancel: true } satisfies ToWorker)
        if (signal?.aborted) cancel()
        else signal?.addEventListener('abort', cancel, { once: true })
      })
    },
  }
}
