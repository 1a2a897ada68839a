import { nodeById, replaceValues } from '@mixbit/graph'
import { onnx } from '@mixbit/onnx'
import { expect, test } from 'vitest'
import { startJob } from '../packages/core/src/job.ts'
import { outputLosses } from '../packages/core/src/output-loss.ts'
import { modelOf, tensor } from '../packages/onnx/src/tiny-models.ts'

const model = modelOf(
  `graph net(%x: f32[1,8], %w: f32[8,5]) {
    %y: f32[1,5] = MatMul(%x, %w) #dense
    return %y
  }`,
  { w: [8, 5] },
  13,
)
const samples = Array.from({ length: 6 }, (_, i) => new Map([['x', tensor([1, 8], i + 1)]]))

test('a model output loss is the mean over samples, as many as have float outputs within the memory limit', async () => {
  const job = await startJob(model, { adapter: onnx({ threads: 1 }), representativeDataset: samples })
  const graph = job.prepared
  const [weight] = nodeById(graph, 'dense').inputs.slice(1) as [string]
  const value = graph.values.get(weight)!
  const data = Float32Array.from(value.tensor!.data as Float32Array, (x) => Math.round(2 * x) / 2)
  const coarse = replaceValues(graph, new Map([[weight, { ...value, tensor: { ...value.tensor!, data } }]]))
  const lossOf = async (some: typeof samples, memoryLimit = 256e6, count?: number) => {
    const mixedPrecisionConfig = { ...job.config.mixedPrecisionConfig, memoryLimit }
    const limited = { ...job, samples: some, config: { ...job.config, mixedPrecisionConfig } }
    const [same, loss] = await outputLosses(limited, [graph, coarse], count)
    expect(same).toBeCloseTo(0, 9)
    return loss!
  }
  const each = await Promise.all(samples.map((sample) => lossOf([sample])))
  const mean = (list: readonly number[]) => list.reduce((a, b) => a + b, 0) / list.length
  expect(Math.min(...each)).toBeGreaterThan(0)
  expect(await lossOf(samples)).toBeCloseTo(mean(each), 9)
  expect(await lossOf(samples, 256e6, 4)).toBeCloseTo(mean(each.slice(0, 4)), 9)
  // An output has 20 bytes.
  expect(await lossOf(samples, 41)).toBeCloseTo(mean(each.slice(0, 3)), 9)
  expect(await lossOf(samples, 1)).toBeCloseTo(each[0]!, 9)
})
