import { expect } from 'vitest'
import type { Graph } from '../graph.ts'
import { interpret, type Numbers, noise } from './interpret.ts'

/** Expects that two graphs compute the same outputs from noise, up to float32 constants. */
export function expectSame(before: Graph, after: Graph): void {
  expect(after.inputs).toEqual(before.inputs)
  expect(after.outputs).toEqual(before.outputs)
  const shape = (id: string) => before.values.get(id)!.shape as number[]
  const feeds: Record<string, Numbers> = Object.fromEntries(
    before.inputs.map((id, i) => [id, noise(shape(id), 77 + i)]),
  )
  const [a, b] = [interpret(before, feeds), interpret(after, feeds)]
  for (const id of before.outputs) {
    expect(b[id]!.shape).toEqual(a[id]!.shape)
    a[id]!.data.forEach((value, i) => {
      if (!(Math.abs(value - b[id]!.data[i]!) <= 1e-5 * Math.max(1, Math.abs(value))))
        throw new Error(`%${id}[${i}]: ${value} became ${b[id]!.data[i]}`)
    })
  }
}

/** Constant declarations with noise: `weights({ w: [2, 3] })`. */
export const weights = (shapes: Readonly<Record<string, readonly number[]>>, dtype = 'f32'): string =>
  Object.entries(shapes)
    .map(
      ([id, shape], i) =>
        `%${id}: ${dtype}[${shape}] = constant(${[...noise(shape, i + 1 + id.length * 31).data].map((x) => x.toFixed(4)).join(', ')})`,
    )
    .join('\n')
