import { parseGraph } from '@mixbit/graph'
import { expect, test } from 'vitest'
import { toyAdapter } from './toy-adapter.ts'
import { withSession } from './with-session.ts'

test('a lent session is disposed of, even when its user throws', async () => {
  let disposals = 0
  const counting = {
    compile: async (...args: Parameters<typeof toyAdapter.compile>) => {
      const session = await toyAdapter.compile(...args)
      return { ...session, dispose: async () => void disposals++ }
    },
  }
  const graph = parseGraph('graph g(%x: f32[1]) { %y: f32[1] = relu(%x) return %y }')
  expect(await withSession(counting, graph, ['y'], async () => 7)).toBe(7)
  await expect(withSession(counting, graph, ['y'], () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(disposals).toBe(2)
})
