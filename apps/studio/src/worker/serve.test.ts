import { MixbitError } from '@mixbit/graph'
import { expect, test } from 'vitest'
import { pipelineOf, TaskError } from './client.ts'
import type { FromWorker, ToWorker } from './protocol.ts'
import { type Handlers, serve } from './serve.ts'

/** Page and worker on two ends of a channel, as messages are cloned there. */
function connected(handlers: Partial<Handlers>) {
  const { port1, port2 } = new MessageChannel()
  const answer = serve(handlers as Handlers, port2)
  port2.onmessage = (event: MessageEvent<ToWorker>) => void answer(event.data)
  const close = () => port1.close()
  const page = {
    postMessage: (message: ToWorker) => port1.postMessage(message),
    addEventListener(type: string, listener: (event: MessageEvent<FromWorker>) => void) {
      if (type === 'message') port1.onmessage = listener
    },
  }
  return { pipeline: pipelineOf(page as unknown as Worker), close }
}

const settings = { targetPlatform: '', numOfImages: 1, weightsRounding: 'nearest', resources: [] } as const

test('a task answers, and bytes move instead of being copied', async () => {
  const bytes = new Uint8Array([1, 2, 3])
  const { pipeline, close } = connected({ exportData: () => bytes })
  expect([...(await pipeline.call('exportData', 'test'))]).toEqual([1, 2, 3])
  expect(bytes.length).toBe(0)
  close()
})

test('a MixbitError arrives with its code and hint, another error with a hint of its own', async () => {
  const { pipeline, close } = connected({
    exportData: () => {
      throw new MixbitError('DATA_EMPTY', 'There is nothing.', { hint: 'Give some.' })
    },
    openModel: () => {
      throw new TypeError('x is undefined')
    },
  })
  const problem = async (call: Promise<unknown>) => ((await call.catch((error) => error)) as TaskError).problem
  expect(await problem(pipeline.call('exportData', 'test'))).toEqual({
    code: 'DATA_EMPTY',
    message: 'There is nothing.',
    hint: 'Give some.',
  })
  expect(await problem(pipeline.call('openModel', { files: [] }))).toMatchObject({
    code: 'UNEXPECTED',
    message: 'x is undefined',
    hint: expect.stringContaining('Reload'),
  })
  close()
})

test('tasks run one after the other, and a cancelled one is told', async () => {
  const seen: string[] = []
  const { pipeline, close } = connected({
    analyze: async (_, { signal }) => {
      seen.push('begins')
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      seen.push('ends')
      throw new MixbitError('ABORTED', 'The run was cancelled.')
    },
    exportData: () => {
      seen.push('next')
      return new Uint8Array()
    },
  })
  const controller = new AbortController()
  const run = pipeline.call('analyze', settings, { signal: controller.signal })
  const after = pipeline.call('exportData', 'test')
  setTimeout(() => controller.abort(), 10)
  await expect(run).rejects.toMatchObject({ problem: { code: 'ABORTED' } })
  await after
  expect(seen).toEqual(['begins', 'ends', 'next'])
  close()
})

test('progress is thinned out, but the end of every stage is told', async () => {
  const { pipeline, close } = connected({
    analyze: (_, { onProgress }) => {
      for (const stage of ['observed', 'sensitivity'] as const)
        for (let done = 1; done <= 100; done++) onProgress({ stage, done, total: 100 })
      return {} as never
    },
  })
  const seen: string[] = []
  await pipeline.call('analyze', settings, { onProgress: ({ stage, done }) => seen.push(`${stage} ${done}`) })
  expect(seen.length).toBeLessThan(50)
  expect(seen).toEqual(expect.arrayContaining(['observed 100', 'sensitivity 1', 'sensitivity 100']))
  close()
})

test('a worker that dies rejects every call that waits', async () => {
  let die = (_: unknown) => {}
  const port = {
    postMessage() {},
    addEventListener(type: string, listener: (event: unknown) => void) {
      if (type === 'error') die = listener
    },
  }
  const call = pipelineOf(port as unknown as Worker).call('exportData', 'test')
  die({ message: 'out of memory' })
  await expect(call).rejects.toBeInstanceOf(TaskError)
  await expect(call).rejects.toMatchObject({ problem: { code: 'WORKER_LOST', message: 'out of memory' } })
})
