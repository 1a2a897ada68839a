import type { Adapter } from '@mixbit/adapter'
import { f32, type Graph, parseGraph, replaceValues, type Tensor, type Tensors, toF32 } from '@mixbit/graph'
import { describe, expect, test } from 'vitest'
import { customSweep } from './custom-sweep.ts'
import { nmse } from './distances.ts'
import { interestPoints } from './interest-points.ts'
import { type SweepLayer, type SweepOptions, sweep } from './sweep.ts'
import { samplesNeeded, sensitivities } from './table.ts'

/** Runs Gemm (transB), Relu and Add on rows of four numbers. */
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
        return new Map(outputs.map((id) => [id, f32(values.get(id)!, [1, 4])]))
      },
      async dispose() {},
    }
  },
}

function compute(op: string, a: Float32Array, b: Float32Array | undefined): Float32Array {
  if (op === 'Relu') return a.map((x) => Math.max(0, x))
  if (op === 'Add') return a.map((x, i) => x + b![i]!)
  return Float32Array.from({ length: 4 }, (_, row) => a.reduce((sum, x, i) => sum + x * b![row * 4 + i]!, 0))
}

let state = 1
const next = () => {
  state = (state * 48271) % 2147483647
  return state / 2147483647 - 0.5
}
const matrix = () => Array.from({ length: 16 }, () => next().toFixed(3)).join(', ')

const graph = parseGraph(`graph g(%x: f32[N,4]) {
  %w1: f32[4,4] = constant(${matrix()})
  %w2: f32[4,4] = constant(${matrix()})
  %w3: f32[4,4] = constant(${matrix()})
  %a: f32[N,4] = dense Gemm(%x, %w1) {transB=1} #first
  %b: f32[N,4] = activation Relu(%a) #relu
  %c: f32[N,4] = dense Gemm(%b, %w2) {transB=1} #second
  %d: f32[N,4] = add Add(%b, %c) #skip
  %y: f32[N,4] = dense Gemm(%d, %w3) {transB=1} #last
  return %y
}`)
const randomSamples = (length: number): Tensors[] =>
  Array.from({ length }, () => new Map([['x', f32([next(), next(), next(), next()], [1, 4])]]))
const samples = randomSamples(5)

const rounded = (id: string, steps: number): Tensor =>
  f32(
    toF32(graph.values.get(id)!.tensor!).map((x) => Math.round(x * steps) / steps),
    [4, 4],
  )
const layers: SweepLayer[] = ['w1', 'w2', 'w3'].map((id, i) => ({
  node: ['first', 'second', 'last'][i]!,
  values: [id],
  candidates: [8, 2].map((bits) => ({
    label: `w${bits}`,
    bits,
    quantized: () => new Map([[id, rounded(id, 2 ** (bits - 1))]]),
  })),
}))

/** The slow way: the whole quantized graph, every point, every sample. */
async function oracle(id: string, tensor: Tensor, point: string): Promise<number[]> {
  const run = async (g: Graph, sample: Tensors) =>
    toF32((await (await adapter.compile(g, [point])).run(sample)).get(point)!)
  const changed = replaceValues(graph, new Map([[id, { ...graph.values.get(id)!, tensor }]]))
  return Promise.all(samples.map(async (sample) => nmse(await run(graph, sample), await run(changed, sample), [1, 4])))
}

const lines = () => {
  const kept: string[] = []
  return { kept, load: async () => kept, append: async (line: string) => void kept.push(line) }
}

test('every raw distance is what a full forward pass of the quantized model gives', async () => {
  const table = await sweep({ adapter, graph, layers, samples, computeDistanceFn: nmse })
  expect(table.points.map(({ node }) => node)).toEqual(['first', 'second', 'skip'])
  for (const [i, { candidates }] of table.layers.entries())
    for (const [c, { points, outputs }] of candidates.entries()) {
      const id = layers[i]!.values[0]!
      const tensor = layers[i]!.candidates[c]!.quantized(new Map()).get(id)!
      for (const [p, point] of table.points.entries()) expect(points[p]).toEqual(await oracle(id, tensor, point.value))
      expect(outputs[0]).toEqual(await oracle(id, tensor, 'y'))
    }
})

test('a candidate that changes nothing has sensitivity 0', async () => {
  const same = [
    {
      node: 'second',
      values: ['w2'],
      candidates: [{ label: 'float', bits: 16, quantized: () => new Map([['w2', graph.values.get('w2')!.tensor!]]) }],
    },
  ]
  const table = await sweep({ adapter, graph, layers: same, samples })
  for (const distanceWeightingMethod of ['AVG', 'LAST_LAYER', 'EXP'] as const)
    expect(sensitivities(table, { distanceWeightingMethod, metricEpsilon: null })[0]!.values[0]).toBeCloseTo(0, 7)
})

test('taking the samples in chunks changes nothing', async () => {
  const whole = await sweep({ adapter, graph, layers, samples })
  expect(await sweep({ adapter, graph, layers, samples, memoryLimitBytes: 200 })).toEqual(whole)
})

describe('as many samples as it takes', () => {
  const many = randomSamples(40)
  const progress: { done: number; total: number }[] = []
  const run = (enough: () => number, more: Partial<SweepOptions> = {}) =>
    sweep({ adapter, graph, layers, samples: many, key: 'k', enough, ...more })

  test.each([
    [3, 8],
    [13, 13],
    [99, 40],
  ])('%d asked for: the table is that of the first %d', async (asked, used) => {
    const plain = await sweep({ adapter, graph, layers, samples: many.slice(0, used), key: 'k' })
    progress.length = 0
    expect(await run(() => asked, { onProgress: (event) => progress.push(event) })).toEqual(plain)
    expect(progress.at(-1)!.done).toBe(progress.at(-1)!.total)
    expect(await run(() => asked, { memoryLimitBytes: 200 })).toEqual(plain)
  })

  test('the first look shows eight samples', async () => {
    const seen: number[] = []
    await sweep({ adapter, graph, layers, samples: many, enough: (table) => seen.push(table.samples) })
    await sweep({ adapter, graph, layers, samples, enough: (table) => seen.push(table.samples) })
    expect(seen).toEqual([8, 5])
  })

  test('killed after any row, it goes on to the same table', async () => {
    const full = lines()
    const whole = await run(() => 13, { checkpoint: full })
    for (let rows = 0; rows <= full.kept.length; rows++) {
      const torn = lines()
      torn.kept.push(...full.kept.slice(0, rows))
      expect(await run(() => 13, { checkpoint: torn })).toEqual(whole)
    }
  })

  test('the median candidate decides, by the spread of its samples', async () => {
    const table = await sweep({ adapter, graph, layers, samples: many })
    const spread = (values: readonly number[]) => ({
      ...table,
      samples: 4,
      layers: [{ node: 'n', candidates: [{ label: 'w2', bits: 2, points: [], outputs: [values], losses: [values] }] }],
    })
    // Mean 2, variance 4/3: 1/3 of the squared mean.
    expect(samplesNeeded(spread([1, 3, 1, 3]), { tolerance: 0.1 })).toBe(34)
    expect(samplesNeeded(spread([1, 3, 1, 3]), { tolerance: 0.1, distanceWeightingMethod: 'OUTPUT' })).toBe(34)
    expect(samplesNeeded(spread([1, 3, 1, 3]), { tolerance: 0.5 })).toBe(4)
    for (const nothing of [
      [0, 0, 0, 0],
      [Number.NaN, 1, 2, 3],
      [2, 2, 2, 2],
    ])
      expect(samplesNeeded(spread(nothing))).toBe(4)
    // More samples: about half the standard error for four times as many.
    const [coarse, fine] = [0.2, 0.05].map((tolerance) => samplesNeeded({ ...table, samples: 40 }, { tolerance }))
    expect(fine! / Math.max(40, coarse!)).toBeGreaterThan(1)
  })
})

test('a run that was killed after any row resumes to an identical table', async () => {
  const full = lines()
  const whole = await sweep({ adapter, graph, layers, samples, key: 'k', checkpoint: full })
  for (let rows = 0; rows <= full.kept.length; rows++) {
    const torn = lines()
    torn.kept.push(...full.kept.slice(0, rows), (full.kept[rows] ?? '').slice(0, 7))
    expect(await sweep({ adapter, graph, layers, samples, key: 'k', checkpoint: torn })).toEqual(whole)
  }
})

test('a checkpoint of another model is refused', async () => {
  const other = lines()
  await sweep({ adapter, graph, layers, samples, key: 'one', checkpoint: other })
  await expect(sweep({ adapter, graph, layers, samples, key: 'two', checkpoint: other })).rejects.toMatchObject({
    code: 'CHECKPOINT_MISMATCH',
  })
})

test('cancelling stops the sweep and says how to go on', async () => {
  await expect(sweep({ adapter, graph, layers, samples, signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: 'ABORTED',
    hint: expect.stringContaining('checkpoint'),
  })
})

test('AVG makes the last layer look harmless beside LAST_LAYER, because points before it are at distance 0', async () => {
  const table = await sweep({ adapter, graph, layers, samples })
  expect(table.layers[2]!.candidates[1]!.points.flat().every((d) => d === 0)).toBe(true)
  expect(table.layers[2]!.candidates[1]!.outputs.flat().every((d) => d > 0)).toBe(true)
})

test('a custom metric is the sensitivity; what is no number is refused by layer and candidate', async () => {
  const whole = layers.map(({ node, candidates }) => ({
    node,
    candidates: candidates.map(({ label, quantized }) => ({
      label,
      graph: () => {
        const tensors = [...quantized(new Map())]
        return replaceValues(graph, new Map(tensors.map(([id, tensor]) => [id, { ...graph.values.get(id)!, tensor }])))
      },
    })),
  }))
  const rows = await customSweep({
    adapter,
    layers: whole,
    customMetricFn: async (run) => toF32((await run(samples[0]!)).get('y')!)[0]!,
  })
  expect(rows.map(({ node }) => node)).toEqual(['first', 'second', 'last'])
  expect(rows[0]!.values[0]).not.toBe(rows[0]!.values[1])
  for (const value of ['foo', null, undefined, Number.NaN, 1n])
    await expect(
      customSweep({ adapter, layers: whole, customMetricFn: () => value as unknown as number }),
    ).rejects.toMatchObject({ code: 'METRIC_TYPE', message: expect.stringMatching(/for first at \S+\.$/) })
  const failing = () => {
    throw new Error('no labels')
  }
  await expect(customSweep({ adapter, layers: whole, customMetricFn: failing })).rejects.toMatchObject({
    code: 'METRIC_FAILED',
    message: expect.stringMatching(/for first at \S+: no labels$/),
  })
})

test('outputs are compared by the layer that makes them', () => {
  expect(interestPoints(graph).outputs).toMatchObject([{ value: 'y', distance: 'cosine', loss: 'klLogits' }])
})

test.each(['LAST_LAYER', 'OUTPUT'] as const)(
  'a sweep for %s alone gives its sensitivities, and no others',
  async (method) => {
    const [all, few] = [
      await sweep({ adapter, graph, layers, samples }),
      await sweep({ adapter, graph, layers, samples, onlyFor: method }),
    ]
    expect(few.points.length).toBeLessThan(all.points.length)
    const values = { distanceWeightingMethod: method }
    expect(sensitivities(few, values)).toEqual(sensitivities(all, values))
    expect(() => sensitivities(few, { distanceWeightingMethod: 'AVG' })).toThrow(
      expect.objectContaining({ code: 'DISTANCES_NOT_KEPT' }),
    )
  },
)
