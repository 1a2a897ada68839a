import { withSession } from '@mixbit/adapter'
import { quantize, type TargetPlatform, targetPlatforms } from '@mixbit/core'
import { cut, type Tensors, toF32 } from '@mixbit/graph'
import { onnx } from '@mixbit/onnx'
import { expect, test } from 'vitest'
import { startJob } from '../packages/core/src/job.ts'
import { couplingsOf, measureCouplings } from '../packages/core/src/reconstruct/couplings.ts'
import { modelOf, tensor } from '../packages/onnx/src/tiny-models.ts'

const adapter = onnx({ threads: 1 })
const { gradients: _, ...withoutGradients } = adapter

/** Sixteen channels, of which as many directions matter as there are outputs. */
const net = (outputs: number, end = '%z') =>
  modelOf(
    `graph net(%x: f32[1,3,6,6], %w1: f32[16,3,3,3], %b1: f32[16], %w2: f32[16,16,3,3], %b2: f32[16], %w3: f32[16,${outputs}]) {
      %c1: f32[1,16,6,6] = Conv(%x, %w1, %b1) {pads=[1, 1, 1, 1]} #first
      %r1: f32[1,16,6,6] = Relu(%c1)
      %c2: f32[1,16,4,4] = Conv(%r1, %w2, %b2) #second
      %r2: f32[1,16,4,4] = Relu(%c2)
      %p: f32[1,16,1,1] = GlobalAveragePool(%r2)
      %f: f32[1,16] = Flatten(%p)
      %z: f32[1,${outputs}] = MatMul(%f, %w3) #last
      %e: f32[1,${outputs}] = Exp(%z)
      %s: f32[1,1] = ReduceSum(%e) {axes=[1]}
      %d: f32[1,${outputs}] = Div(%e, %s)
      %m: f32[1,${outputs}] = Softmax(%z) {axis=1}
      return ${end}
    }`,
    { w1: [16, 3, 3, 3], b1: [16], w2: [16, 16, 3, 3], b2: [16], w3: [16, outputs] },
    11,
  )
const samples = (count: number, seed: number): Tensors[] =>
  Array.from({ length: count }, (_, i) => new Map([['x', tensor([1, 3, 6, 6], 1000 * seed + i + 1)]]))

const target: TargetPlatform = {
  ...targetPlatforms['weights-only']!,
  name: 'test',
  weights: { bits: [2], scheme: 'symmetric', tables: ['midRise', 'kMeans'], perChannel: true },
}
const jobOf = (source: Uint8Array, data = samples(16, 1)) =>
  startJob(source, {
    adapter,
    representativeDataset: data,
    targetPlatform: target,
    coreConfig: { quantizationConfig: { weightsChannelCoupling: true } },
  })

test('couplings are the mean products of gradients, in units of their mean square, damped', async () => {
  // With one output its random sign does not matter.
  const job = await jobOf(net(1), samples(8, 1))
  const graph = job.prepared
  const [first] = graph.nodes
  const value = first!.outputs[0]!
  const [channels, area] = [16, 36]
  const expected = new Float64Array(channels ** 2)
  const { suffix } = cut(graph, [value])
  await withSession(adapter, graph, [value], (session) =>
    withSession(adapter, suffix, suffix.outputs, async (rest) => {
      for (const sample of job.samples) {
        const float = (await session.run(sample)).get(value)!
        const at = async (i: number, step: number) => {
          const data = toF32(float).slice()
          data[i]! += step
          const results = await rest.run(new Map([[value, { ...float, data }]]))
          return toF32(results.get(suffix.outputs[0]!)!)[0]!
        }
        const gradient = new Float64Array(channels * area)
        for (let i = 0; i < gradient.length; i++)
          gradient[i] = ((await at(i, 2 ** -6)) - (await at(i, -(2 ** -6)))) / 2 ** -5
        for (let i = 0; i < channels; i++)
          for (let j = 0; j < channels; j++)
            for (let p = 0; p < area; p++)
              expected[i * channels + j]! += gradient[i * area + p]! * gradient[j * area + p]!
      }
    }),
  )
  const mean =
    Array.from({ length: channels }, (_, i) => expected[i * channels + i]!).reduce((a, b) => a + b) / channels
  const found = (await measureCouplings(job)).get(first!.id)!
  expect(found.length).toBe(channels ** 2)
  for (let i = 0; i < channels; i++)
    for (let j = 0; j < channels; j++)
      expect(found[i * channels + j]!).toBeCloseTo((expected[i * channels + j]! / mean + (i === j ? 1 : 0)) / 2, 1)
})

test('a file whose channels were coupled is another one, the same on every run, and computes what was simulated', async () => {
  const options = { representativeDataset: samples(48, 1), targetPlatform: target }
  const run = async (weightsChannelCoupling: boolean, from = adapter) =>
    quantize(net(4), { ...options, adapter: from, coreConfig: { quantizationConfig: { weightsChannelCoupling } } })
  const [off, on, again] = [await run(false), await run(true), await run(true)]
  expect(on.artifact).toEqual(again.artifact)
  expect(on.artifact).not.toEqual(off.artifact)
  expect(on.report.distances.toSimulation[0]!.sqnr).toBeGreaterThan(100)
  expect(on.report.distances.toFloat[0]!.sqnr).toBeGreaterThan(10)
  expect(on.report.warnings).toContainEqual(expect.stringContaining('has 48 samples'))
  const without = await run(true, withoutGradients)
  expect(without.artifact).toEqual(off.artifact)
  const said = without.report.warnings.filter((warning) => warning.includes('weightsChannelCoupling'))
  expect(said).toEqual([expect.stringContaining('gives no gradients')])
})

test('probabilities count as the logits before them, and say nothing where those are not known', async () => {
  const [logits, probabilities, unknown] = await Promise.all(
    ['%z', '%m', '%d'].map(async (end) => measureCouplings(await jobOf(net(5, end)))),
  )
  expect([...logits!.keys()]).toEqual(['first', 'second', 'last'])
  expect(probabilities).toEqual(logits)
  expect(unknown!.size).toBe(0)
})

test('with samples enough both ways are measured, and the better one is written', async () => {
  const run = async (weightsChannelCoupling: boolean | 'measured', count: number) => {
    const options = { representativeDataset: samples(count, 1), targetPlatform: target, adapter }
    const { artifact, report } = await quantize(net(4), {
      ...options,
      coreConfig: { quantizationConfig: { weightsChannelCoupling }, mixedPrecisionConfig: { numOfImages: 256 } },
    })
    return { artifact, warnings: report.warnings, loss: new Map(report.rounding.map((r) => [r.step, r.outputLoss])) }
  }
  const [off, on, measured] = [await run(false, 256), await run(true, 256), await run('measured', 256)]
  const [plain, coupled] = [off, on].map(({ loss }) => loss.get('repairedThroughModel')!) as [number, number]
  expect(coupled).not.toBe(plain)
  expect(measured.loss.get('repairedThroughModel')).toBe(plain)
  expect(measured.loss.get('allChannelsInView')).toBe(Math.min(plain, coupled))
  expect(measured.artifact).toEqual(coupled < plain ? on.artifact : off.artifact)
  const few = await run('measured', 255)
  expect(few.artifact).toEqual((await run(false, 255)).artifact)
  expect(few.loss.has('allChannelsInView')).toBe(false)
})

test('nothing is measured for wider weights, with nearest rounding or without gradients, and measuring can be cancelled', async () => {
  const job = await jobOf(net(3))
  const chosen = job.layers.map(({ candidates }) => candidates[0]!)
  expect((await couplingsOf(job, chosen)).size).toBe(3)
  const [first, ...others] = chosen
  expect([...(await couplingsOf(job, [{ ...first!, bits: 5 }, ...others])).keys()]).toEqual(['second', 'last'])
  expect((await couplingsOf({ ...job, adapter: withoutGradients }, chosen)).size).toBe(0)
  const nearest = {
    ...job.config,
    quantizationConfig: { ...job.config.quantizationConfig, weightsRounding: 'nearest' as const },
  }
  expect((await couplingsOf({ ...job, config: nearest }, chosen)).size).toBe(0)
  const controller = new AbortController()
  controller.abort()
  const again = { ...job, samples: [...job.samples], signal: controller.signal }
  await expect(couplingsOf(again, chosen)).rejects.toMatchObject({ code: 'ABORTED' })
})
