import { existsSync, readFileSync } from 'node:fs'
import type { Adapter } from '@mixbit/adapter'
import { f32, type Graph, parseGraph, type Tensors, toF32 } from '@mixbit/graph'
import { describe, expect, test } from 'vitest'
import { hessianScores } from './hessian.ts'
import type { InterestPoint } from './interest-points.ts'

/** Runs Gemm (y = x W^T), Relu and Tanh on one row. */
const adapter: Pick<Adapter, 'compile'> = {
  async compile(graph, outputs) {
    return {
      async run(feeds) {
        const values = new Map<string, Float32Array>()
        for (const [id, value] of graph.values) if (value.tensor) values.set(id, toF32(value.tensor))
        for (const id of graph.inputs) values.set(id, toF32(feeds.get(id)!))
        for (const { op, inputs, outputs } of graph.nodes) {
          const [a, b] = inputs.map((id) => values.get(id!)!)
          values.set(outputs[0]!, compute(op, a!, b))
        }
        return new Map(outputs.map((id) => [id, f32(values.get(id)!, [1, values.get(id)!.length])]))
      },
      async dispose() {},
    }
  },
}

function compute(op: string, a: Float32Array, b: Float32Array | undefined): Float32Array {
  if (op === 'Relu') return a.map((x) => Math.max(0, x))
  if (op === 'Tanh') return a.map(Math.tanh)
  return Float32Array.from({ length: b!.length / a.length }, (_, row) =>
    a.reduce((sum, x, i) => sum + x * b![row * a.length + i]!, 0),
  )
}

const point = (value: string): InterestPoint => ({ value, node: value, distance: 'nmse' })
const sample = (...numbers: number[]): Tensors => new Map([['x', f32(numbers, [1, numbers.length])]])
const matrix = (rows: number[][]) => `f32[${rows.length},${rows[0]!.length}] = constant(${rows.flat().join(', ')})`

/** Traces of J^T J by central differences along every axis, in the same graph. */
async function exact(graph: Graph, value: string, samples: readonly Tensors[]): Promise<number> {
  const { cut } = await import('@mixbit/graph')
  const { suffix, prefix } = cut(graph, [value])
  let total = 0
  for (const one of samples) {
    const session = await adapter.compile(suffix, suffix.outputs)
    const known = new Map([...one, ...(await (await adapter.compile(prefix, prefix.outputs)).run(one))])
    const a = toF32(known.get(value)!)
    for (let i = 0; i < a.length; i++) {
      const at = async (step: number) => {
        const data = a.map((x, k) => (k === i ? x + step : x))
        const feeds = new Map(suffix.inputs.map((id) => [id, known.get(id)!]))
        return toF32((await session.run(feeds.set(value, f32(data, [1, a.length])))).get(suffix.outputs[0]!)!)
      }
      const [up, down] = [await at(0.01), await at(-0.01)]
      total += up.reduce((sum, y, k) => sum + ((y - down[k]!) / 0.02) ** 2, 0)
    }
  }
  return total / samples.length
}

test('agrees with the exact Jacobian within five percent, and says how sure it is', async () => {
  let state = 5
  const next = () => {
    state = (state * 48271) % 2147483647
    return state / 2147483647 - 0.5
  }
  const random = (rows: number, columns: number) =>
    Array.from({ length: rows }, () => Array.from({ length: columns }, next))
  const graph = parseGraph(`graph g(%x: f32[1,8]) {
    %w1: ${matrix(random(12, 8))}
    %w2: ${matrix(random(10, 12))}
    %w3: ${matrix(random(4, 10))}
    %a: f32[1,12] = dense Gemm(%x, %w1)
    %b: f32[1,12] = activation Tanh(%a)
    %c: f32[1,10] = dense Gemm(%b, %w2)
    %d: f32[1,10] = activation Tanh(%c)
    %y: f32[1,4] = dense Gemm(%d, %w3)
    return %y
  }`)
  const samples = Array.from({ length: 8 }, () => sample(...Array.from({ length: 8 }, next)))
  const options = { adapter, graph, samples, tolerance: 0.01, mostDirections: 2000 }
  const points = ['a', 'c'].map(point)
  const scores = await hessianScores({ ...options, points })
  for (const [i, { value }] of points.entries()) {
    const wanted = await exact(graph, value, samples)
    expect(Math.abs(scores[i]!.score / wanted - 1)).toBeLessThan(0.05)
    expect(scores[i]!.standardError).toBeLessThanOrEqual(0.01 * scores[i]!.score)
    expect(Math.abs(scores[i]!.score - wanted)).toBeLessThan(5 * scores[i]!.standardError + 0.002 * wanted)
  }
  expect(await hessianScores({ ...options, points, memoryLimitBytes: 100 })).toEqual(scores)
  expect(await hessianScores({ ...options, points, seed: 1 })).not.toEqual(scores)
})

const file = '../shared/reference/cases.json'
const cases = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).cases : []
const caseOf = (name: string) => cases.find((one: { name: string }) => one.name === name)

/** Random signs instead of MCT's: what is exact there is within the standard error here. */
describe.skipIf(cases.length === 0)('the reference', () => {
  const run = (graph: Graph, values: string[], samples: Tensors[]) =>
    hessianScores({ adapter, graph, points: values.map(point), samples, tolerance: 0.002, mostDirections: 20_000 })
  const close = (scores: readonly { score: number }[], wanted: readonly number[]) => {
    for (const [i, { score }] of scores.entries()) expect(Math.abs(score / wanted[i]! - 1)).toBeLessThan(0.02)
  }

  test('hessian/single-output-exact', async () => {
    const { inputs, expected } = caseOf('hessian/single-output-exact')
    const graph = parseGraph(`graph g(%x: f32[1,2]) {
      %w0: ${matrix([
        [1, 0],
        [0, 1],
      ])}
      %w1: ${matrix(inputs.W1)}
      %w2: ${matrix([inputs.w2])}
      %a1: f32[1,2] = dense Gemm(%x, %w0)
      %a2: f32[1,3] = dense Gemm(%a1, %w1)
      %y: f32[1,1] = dense Gemm(%a2, %w2)
      return %y
    }`)
    close(await run(graph, expected.order, [sample(0.5, -1)]), expected.h)
  })

  for (const name of ['orthogonal-rows-exact', 'general-expectation'])
    test(`hessian/${name}`, async () => {
      const { inputs, expected } = caseOf(`hessian/${name}`)
      const size = inputs.W.length
      const same = Array.from({ length: size }, (_, i) => Array.from({ length: size }, (_, k) => Number(i === k)))
      const graph = parseGraph(`graph g(%x: f32[1,${size}]) {
        %w0: ${matrix(same)}
        %w: ${matrix(inputs.W)}
        %a: f32[1,${size}] = dense Gemm(%x, %w0)
        %y: f32[1,${size}] = dense Gemm(%a, %w)
        return %y
      }`)
      close(await run(graph, ['a'], [sample(...[0.4, -0.7, 1.1].slice(0, size))]), expected.h ?? [expected.expectation])
    })

  test('hessian/relu-mean-over-images', async () => {
    const { inputs, expected } = caseOf('hessian/relu-mean-over-images')
    const graph = parseGraph(`graph g(%x: f32[1,3]) {
      %w0: ${matrix([
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
      ])}
      %w2: ${matrix([inputs.w2])}
      %a: f32[1,3] = dense Gemm(%x, %w0)
      %r: f32[1,3] = activation Relu(%a)
      %y: f32[1,1] = dense Gemm(%r, %w2)
      return %y
    }`)
    const images = inputs.images.map((image: number[]) => sample(...image))
    close(await run(graph, ['a'], images), [expected.mean])
  })
})
