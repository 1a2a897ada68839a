// Error-compensating rounding through the whole job for what is no plain convolution or dense layer.
import { type CoreConfig, quantize, type TargetPlatform, targetPlatforms } from '@mixbit/core'
import type { Tensor, Tensors } from '@mixbit/graph'
import { onnx } from '@mixbit/onnx'
import { tfjs } from '@mixbit/tfjs'
import { expect, test } from 'vitest'
import { modelOf, tensor as noise } from '../packages/onnx/src/tiny-models.ts'
import { convLayers, embeddingLayers, ints, tensor as pixels } from '../packages/tfjs/src/tiny-models.ts'

/** Numbers whose neighbours are alike: independent ones leave nothing to compensate. */
function tensor(shape: readonly number[], seed: number): Tensor {
  const x = noise(shape, seed)
  const data = (x.data as Float32Array).slice()
  for (let i = 1; i < data.length; i++) data[i]! += 0.8 * data[i - 1]!
  return { ...x, data }
}

const platform = (name: string, weights: Partial<TargetPlatform['weights']> = {}): TargetPlatform => {
  const base = targetPlatforms[name]!
  return { ...base, name: 'test', weights: { bits: [3], scheme: 'symmetric', perChannel: true, ...weights } }
}
const sets = (target: TargetPlatform): TargetPlatform => ({
  ...target,
  operatorSets: target.operatorSets.map(({ weights: _, ...set }) => set),
})

async function both(
  run: (coreConfig: CoreConfig) => Promise<{
    report: { distances: { toFloat: readonly { sqnr: number }[]; toSimulation: readonly { sqnr: number }[] } }
  }>,
) {
  const of = async (weightsRounding: 'nearest' | 'errorCompensating') => {
    const { report } = await run({ quantizationConfig: { weightsRounding } })
    for (const { sqnr } of report.distances.toSimulation) expect(sqnr).toBeGreaterThan(60)
    return report.distances.toFloat[0]!.sqnr
  }
  return { nearest: await of('nearest'), ours: await of('errorCompensating') }
}

const model = (
  text: string,
  constants: Record<string, number[]>,
  feed: (seed: number) => Tensors,
  weights: Partial<TargetPlatform['weights']> = {},
) =>
  both((coreConfig) =>
    quantize(modelOf(text, constants), {
      adapter: onnx({ threads: 1 }),
      representativeDataset: Array.from({ length: 48 }, (_, i) => feed(i + 1)),
      targetPlatform: sets(platform('weights-only', weights)),
      coreConfig,
    }),
  )

test.each(['LSTM', 'GRU', 'RNN'])(
  'two %ss, one after the other and the second in both directions, and only the last state of it read',
  async (op) => {
    const gates = { LSTM: 4, GRU: 3, RNN: 1 }[op]!
    const { ours, nearest } = await model(
      `graph g(%x: f32[T,N,6], %w: f32[1], %r: f32[1], %b: f32[1], %v: f32[1], %s: f32[1], %axes: f32[1]) {
      %h: f32[T,1,N,12] = ${op}(%x, %w, %r, %b) {hidden_size=12} #first
      %f: f32[T,N,12] = ReduceMean(%h) {axes=[1], keepdims=0}
      null, %y: f32[2,N,8] = ${op}(%f, %v, %s) {hidden_size=8, direction="bidirectional"} #second
      return %y }`.replace(', %axes: f32[1]', ''),
      {
        w: [1, 12 * gates, 6],
        r: [1, 12 * gates, 12],
        b: [1, 24 * gates],
        v: [2, 8 * gates, 12],
        s: [2, 8 * gates, 8],
      },
      (seed) => new Map([['x', tensor([7, 2, 6], seed)]]),
    )
    expect(ours).toBeGreaterThan(nearest + 3)
  },
)

test('weights that two layers share serve both', async () => {
  const { ours, nearest } = await model(
    `graph g(%x: f32[N,8], %w: f32[8,8]) {
      %a: f32[N,8] = Gemm(%x, %w) #one
      %t: f32[N,8] = Tanh(%a)
      %y: f32[N,8] = Gemm(%t, %w) #two
      return %y }`,
    { w: [8, 8] },
    (seed) => new Map([['x', tensor([2, 8], seed)]]),
  )
  expect(ours).toBeGreaterThan(nearest + 1)
})

test('products with a batch of matrices, on either side', async () => {
  const { ours, nearest } = await model(
    `graph g(%x: f32[N,3,8,8], %w: f32[3,8,8], %v: f32[3,8,8]) {
      %a: f32[N,3,8,8] = MatMul(%x, %w)
      %y: f32[N,3,8,8] = MatMul(%v, %a)
      return %y }`,
    { w: [3, 8, 8], v: [3, 8, 8] },
    (seed) => new Map([['x', tensor([1, 3, 8, 8], seed)]]),
  )
  expect(ours).toBeGreaterThan(nearest)
})

test.each([2, 4, 8])('grids of %i bits with a zero point', async (bits) => {
  const { ours, nearest } = await model(
    `graph g(%x: f32[N,8], %w: f32[8,16], %b: f32[16], %v: f32[16,4]) {
      %a: f32[N,16] = Gemm(%x, %w, %b)
      %r: f32[N,16] = Relu(%a)
      %y: f32[N,4] = Gemm(%r, %v)
      return %y }`,
    { w: [8, 16], b: [16], v: [16, 4] },
    (seed) => new Map([['x', tensor([4, 8], seed)]]),
    { bits: [bits], scheme: 'uniform' },
  )
  expect(ours).toBeGreaterThan(nearest + 2)
})

test('layers of Keras with an activation inside, and its embeddings', async () => {
  const run = async (source: Awaited<ReturnType<typeof convLayers>>, representativeDataset: Tensors[]) =>
    both((coreConfig) =>
      quantize(source, { adapter: tfjs(), representativeDataset, targetPlatform: sets(platform('tfjs')), coreConfig }),
    )
  const pictures = Array.from({ length: 24 }, (_, i): Tensors => new Map([['x', pixels([1, 8, 8, 3], i + 1)]]))
  const conv = await run(await convLayers(), pictures)
  expect(conv.ours).toBeGreaterThan(conv.nearest + 2)
  const words = Array.from(
    { length: 32 },
    (_, i): Tensors => new Map([['ids', ints([i % 20, (3 * i) % 7, (7 * i) % 20, 5], [1, 4])]]),
  )
  const embedding = await run(await embeddingLayers(), words)
  expect(embedding.ours).toBeGreaterThan(embedding.nearest + 1)
})
