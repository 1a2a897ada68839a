import { parseGraph } from '@mixbit/graph'
import { expect, test } from 'vitest'
import { embeddingRows, randomSamples } from './random.ts'
import { readInputs } from './read.ts'
import { inputSpecs } from './types.ts'

const graph = parseGraph('graph g(%x: f32[N,1000]) { return %x }')
const draw = (seed: number) => randomSamples(graph, inputSpecs(graph), { samples: 4, seed })

test('a seed gives the same samples again, another seed others', () => {
  expect(draw(1)).toEqual(draw(1))
  expect(draw(1)).not.toEqual(draw(2))
})

test('floats have mean 0 and variance 1', () => {
  const all = draw(3).flatMap(({ tensors }) => [...(tensors.get('x')!.data as Float32Array)])
  const mean = all.reduce((a, b) => a + b) / all.length
  expect(mean).toBeCloseTo(0, 1)
  expect(all.reduce((sum, x) => sum + (x - mean) ** 2, 0) / all.length).toBeCloseTo(1, 1)
})

test('integers stay inside the table that they index, also behind a cast', () => {
  const ids = parseGraph(`graph g(%ids: i64[N,50], %table: f32[7,16]) {
    %ids32: i32[N,50] = elementwise Cast(%ids)
    %y: f32[N,50,16] = embedding Gather(%table, %ids32)
    return %y
  }`)
  expect(embeddingRows(ids, 'ids')).toBe(7)
  const [sample] = randomSamples(ids, inputSpecs(ids).slice(0, 1), { samples: 1 })
  expect(new Set(sample!.tensors.get('ids')!.data as BigInt64Array)).toEqual(new Set([0n, 1n, 2n, 3n, 4n, 5n, 6n]))
})

test('dynamic extents are 1 unless given, and random data comes with a warning', async () => {
  const dynamic = parseGraph('graph g(%x: f32[N,3,H,W]) { return %x }')
  const shapeOf = async (inputShapes?: ReadonlyMap<string, number[]>) =>
    (await readInputs(dynamic, 'random', { samples: 1, inputShapes })).feeds[0]!.get('x')!.shape
  expect(await shapeOf()).toEqual([1, 3, 1, 1])
  expect(await shapeOf(new Map([['', [1, 3, 8, 9]]]))).toEqual([1, 3, 8, 9])
  await expect(shapeOf(new Map([['x', [1, 4, 8, 8]]]))).rejects.toMatchObject({ code: 'DATA_MISMATCH' })
  expect((await readInputs(dynamic, 'random', { samples: 1 })).warnings[0]).toContain('accuracy needs real data')
})

test('constant inputs are set beside the data', async () => {
  const vad = parseGraph('graph g(%input: f32[1,4], %state: f32[2,1,2], %sr: i64[]) { return %input }')
  const set = new Map([
    ['sr', '16000'],
    ['state', 'zeros'],
  ])
  const { feeds } = await readInputs(vad, 'random', { samples: 1, set })
  expect(feeds[0]!.get('sr')).toEqual({ dtype: 'i64', shape: [], data: BigInt64Array.of(16000n) })
  expect(feeds[0]!.get('state')).toEqual({ dtype: 'f32', shape: [2, 1, 2], data: new Float32Array(4) })
  await expect(readInputs(vad, 'random', { set: new Map([['nope', '1']]) })).rejects.toMatchObject({
    code: 'OPTION_INVALID',
  })
  await expect(readInputs(vad, 'random', { set: new Map([['state', '1,2']]) })).rejects.toMatchObject({
    code: 'DATA_MISMATCH',
  })
})
