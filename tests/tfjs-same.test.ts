// Two copies of one network, as ONNX and as TF.js, are the same to Mixbit.
import { existsSync } from 'node:fs'
import { type Analysis, analyze, quantize, targetPlatforms } from '@mixbit/core'
import { pruneUnused, type Tensor, type Tensors } from '@mixbit/graph'
import { onnx } from '@mixbit/onnx'
import { tfjs } from '@mixbit/tfjs'
import { expect, test } from 'vitest'

const shared = '../shared/models'

/**
 * Three widths, no tables, and rounding to nearest: rounding so that errors compensate looks at the same places of both, but it
 * is a chain of choices, and the last bits of two runtimes turn some of them over (up to a seventh of a sensitivity).
 */
const quantizationConfig = { weightsRounding: 'nearest' as const }
const { weights, ...platform } = targetPlatforms['weights-only']!
const targetPlatform = { ...platform, weights: { ...weights, bits: [8, 4, 2], tables: [] } }

/** Smooth pictures in [-1, 1], with channels first and last. */
function pictures(count: number): { first: Tensors; last: Tensors }[] {
  return Array.from({ length: count }, (_, n) => {
    const at = (c: number, y: number, x: number) =>
      Math.sin((x * (n + 1)) / 17 + c) * Math.cos((y * (n + 2)) / 23 - c) * Math.sin((x * y) / 900 + n)
    const [first, last] = [new Float32Array(3 * 224 * 224), new Float32Array(3 * 224 * 224)]
    for (let y = 0; y < 224; y++)
      for (let x = 0; x < 224; x++)
        for (let c = 0; c < 3; c++) {
          first[(c * 224 + y) * 224 + x] = at(c, y, x)
          last[(y * 224 + x) * 3 + c] = at(c, y, x)
        }
    const feed = (id: string, shape: number[], data: Float32Array): Tensors =>
      new Map([[id, { dtype: 'f32', shape, data }]])
    return { first: feed('input', [1, 3, 224, 224], first), last: feed('input_2', [1, 224, 224, 3], last) }
  })
}

/** The largest relative difference of two tables of sensitivities. */
const apart = (a: Analysis['scores'], b: Analysis['scores']): number =>
  Math.max(...a.flatMap((row, i) => row.map((x, c) => Math.abs(b[i]![c]! - x) / Math.max(Math.abs(x), 1e-6))))

const bits = ({ report }: { report: { layers: readonly { bits: number }[] } }) =>
  report.layers.map((layer) => layer.bits)

test.skipIf(!existsSync(shared))('MobileNet: the same sensitivities and the same assignment', async () => {
  const samples = pictures(3)
  // The TF.js file ends with a softmax that the ONNX file does not have.
  const adapter = tfjs()
  const logits = {
    ...adapter,
    read: async (source: Parameters<typeof adapter.read>[0]) =>
      pruneUnused({ ...(await adapter.read(source)), outputs: ['reshape_2'] }),
  }
  const config = { quantizationConfig, mixedPrecisionConfig: { numOfImages: 3 } }
  const one = {
    adapter: onnx(),
    targetPlatform,
    representativeDataset: samples.map(({ first }) => first),
    coreConfig: config,
  }
  const other = {
    adapter: logits,
    targetPlatform,
    representativeDataset: samples.map(({ last }) => last),
    coreConfig: config,
  }
  const [a, b] = [`${shared}/mobilenet_v1_025_224/model.onnx`, `${shared}/mobilenet_v1_025_224/tfjs/model.json`]
  const [x, y] = [await analyze(a, one), await analyze(b, other)]
  expect(y.layers.map(({ kind }) => kind)).toEqual(x.layers.map(({ kind }) => kind))
  expect(y.floatWeightsMemory).toBe(x.floatWeightsMemory)
  expect(apart(x.scores, y.scores)).toBeLessThan(0.01)
  for (const weightsMemory of ['12%']) {
    const budget = { targetResourceUtilization: { weightsMemory } }
    expect(bits(await quantize(b, { ...other, ...budget }))).toEqual(bits(await quantize(a, { ...one, ...budget })))
  }
})

test.skipIf(!existsSync(shared))('Magika: the same sensitivities and the same assignment', async () => {
  const inputs = Array.from({ length: 2 }, (_, n): Tensor => {
    const data = Int32Array.from({ length: 2048 }, (_, i) =>
      i % 1024 < 900 ? 32 + ((i * (7 + n) + ((i * i) % 13)) % 90) : 256,
    )
    return { dtype: 'i32', shape: [1, 2048], data }
  })
  const coreConfig = {
    quantizationConfig,
    mixedPrecisionConfig: { numOfImages: 2, distanceWeightingMethod: 'OUTPUT' as const },
  }
  const one = {
    adapter: onnx(),
    targetPlatform,
    representativeDataset: inputs.map((x) => new Map([['bytes', x]])),
    coreConfig,
  }
  const other = {
    adapter: tfjs(),
    targetPlatform,
    representativeDataset: inputs.map((x) => new Map([['xs_0', x]])),
    coreConfig,
  }
  const [a, b] = [`${shared}/magika_v3_3/model.onnx`, `${shared}/magika_v3_3/tfjs`]
  const [x, y] = [await analyze(a, one), await analyze(b, other)]
  expect(y.layers.map(({ kind }) => kind)).toEqual(x.layers.map(({ kind }) => kind))
  expect(apart(x.scores, y.scores)).toBeLessThan(0.01)
  for (const weightsMemory of ['13%']) {
    const budget = { targetResourceUtilization: { weightsMemory } }
    expect(bits(await quantize(b, { ...other, ...budget }))).toEqual(bits(await quantize(a, { ...one, ...budget })))
  }
})
