import type { ProgressEvent } from '@mixbit/core'
import type { Answer, Argument, FromWorker, Problem, TaskName, ToWorker } from './protocol.ts'

/** What a task gets handed down beside its argument. */
export interface Hands {
  onProgress(event: ProgressEvent): void
  readonly signal: AbortSignal
}

export type Handlers = {
  readonly [K in TaskName]: (argument: Argument<K>, hands: Hands) => Promise<Answer<K>> | Answer<K>
}

interface Port {
  postMessage(message: FromWorker, transfer: Transferable[]): void
}

/** Progress is told so often at most: a message for each row of a fast sweep would only keep the page busy. */
const progressMs = 50

/** Answers messages with the handlers. Tasks run one after the other, because they share what they have read. */
export function serve(handlers: Handlers, port: Port): (message: ToWorker) => Promise<void> {
  const running = new Map<number, AbortController>()
  let queue: Promise<unknown> = Promise.resolve()
  return async (message) => {
    if ('cancel' in message) return running.get(message.id)?.abort()
    const { id, task, argument } = message
    const controller = new AbortController()
    running.set(id, controller)
    const run = async () => {
      const handler = handlers[task] as (argument: unknown, hands: Hands) => unknown
      const hands = {
        signal: controller.signal,
        onProgress: throttled((progress) => port.postMessage({ id, progress }, [])),
      }
      try {
        controller.signal.throwIfAborted()
        const answer = (await handler(argument, hands)) as Answer<TaskName>
        port.postMessage({ id, answer }, buffersIn(answer))
      } catch (error) {
        port.postMessage({ id, problem: problemOf(error) }, [])
      } finally {
        running.delete(id)
      }
    }
    queue = queue.then(run)
    await queue
  }
}

/** Passes on the first event, the last of each stage, and what lies between now and then. */
function throttled(tell: (event: ProgressEvent) => void): (event: ProgressEvent) => void {
  let last = Number.NEGATIVE_INFINITY
  let stage = ''
  return (event) => {
    const now = performance.now()
    if (now - last < progressMs && event.stage === stage && event.done < event.total) return
    last = now
    stage = event.stage
    tell(event)
  }
}

/** An error as data: code and hint of a `MixbitError`, a name for the others. */
export function problemOf(error: unknown): Problem {
  const { name, message, code, hint } = error as Error & { code?: string; hint?: string }
  if (name === 'AbortError') return { code: 'ABORTED', message: 'The run was cancelled.', hint: null }
  if (name === 'MixbitError') return { code: code!, message, hint: hint ?? null }
  return {
    code: 'UNEXPECTED',
    message: message || String(error),
    hint: 'This is a fault of Mixbit Studio, or the tab has no memory left. Reload, and try fewer samples.',
  }
}

/** Big answers move instead of being copied. */
function buffersIn(answer: unknown): Transferable[] {
  const found = new Set<ArrayBuffer>()
  const look = (value: unknown, depth: number) => {
    if (ArrayBuffer.isView(value)) found.add(value.buffer as ArrayBuffer)
    else if (depth < 3 && value !== null && typeof value === 'object')
      for (const inner of Object.values(value)) look(inner, depth + 1)
  }
  look(answer, 0)
  return [...found]
}
