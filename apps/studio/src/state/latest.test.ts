import { expect, test } from 'vitest'
import { latest } from './latest.ts'

test('of the calls that come while one runs, only the last one follows', async () => {
  const seen: number[] = []
  const run = latest(async (value: number) => {
    await new Promise((resolve) => setTimeout(resolve, 5))
    seen.push(value)
  })
  await Promise.all([run(1), run(2), run(3), run(4)])
  expect(seen).toEqual([1, 4])
  await run(5)
  expect(seen).toEqual([1, 4, 5])
})

test('a call that fails does not keep the next one from running', async () => {
  const seen: number[] = []
  const run = latest(async (value: number) => {
    if (value === 1) throw new Error('no')
    seen.push(value)
  })
  await expect(run(1)).rejects.toThrow('no')
  await run(2)
  expect(seen).toEqual([2])
})

test('a call that waits behind one that fails still runs', async () => {
  const seen: number[] = []
  const run = latest(async (value: number) => {
    await Promise.resolve()
    if (value === 1) throw new Error('no')
    seen.push(value)
  })
  const [first, second] = [run(1), run(2)]
  await expect(first).rejects.toThrow('no')
  await second
  expect(seen).toEqual([2])
})
