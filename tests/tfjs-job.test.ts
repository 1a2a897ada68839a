// The main job on TF.js models: what only this format has. The rest is the same code as for ONNX.
import { gzipSync } from 'node:zlib'
import { compareSessions, quantize, targetPlatforms } from '@mixbit/core'
import { sizeOf, type Tensors, toF32 } from '@mixbit/graph'
import { type TfjsFiles, tfjs } from '@mixbit/tfjs'
import { expect, test } from 'vitest'
// @ts-expect-error plain JavaScript without types
import { calibration, channelsLast, testSet, tfjsModel } from '../examples/demo/demo.mjs'

const representativeDataset: Tensors[] = calibration().slice(0, 8).map(channelsLast)
const options = { adapter: tfjs(), representativeDataset }
const gzipped = (files: TfjsFiles) => [...files.values()].reduce((sum, bytes) => sum + gzipSync(bytes).length, 0)

test('a budget on the wire is kept by the compressed files, and the report tells all three sizes', async () => {
  const wide = await quantize(tfjsModel, { ...options, targetResourceUtilization: { transferSize: '90%' } })
  expect(wide.report.layers.every(({ bits }) => bits === 8)).toBe(true)
  const limit = Math.round(0.7 * wide.report.transferBytes!.brotli!)
  const { artifact, report } = await quantize(tfjsModel, {
    ...options,
    targetResourceUtilization: { transferSize: limit },
  })
  expect(report.transferBytes!.gzip).toBe(gzipped(artifact!))
  expect(report.utilization.transferSize).toBeLessThanOrEqual(limit)
  expect(report.utilization.transferSize).toBeGreaterThan(0.8 * limit)
  expect(report.bytes).toBeGreaterThan(report.transferBytes!.gzip!)
})

test('a budget on the wire that nothing fits says what the smallest files take', async () => {
  await expect(
    quantize(tfjsModel, { ...options, targetResourceUtilization: { transferSize: 500 } }),
  ).rejects.toMatchObject({ code: 'BUDGET_INFEASIBLE', message: expect.stringContaining('transferSize') })
})

test('without a loader, 4 bits per tensor lie as uint8 that any TF.js loads and gzip shrinks', async () => {
  const { weights, ...platform } = targetPlatforms['weights-only']!
  const targetPlatform = { ...platform, weights: { ...weights, bits: [4], tables: [], perChannel: false } }
  const standard = await quantize(tfjsModel, { ...options, adapter: tfjs({ standard: true }), targetPlatform })
  const json = JSON.parse(new TextDecoder().decode(standard.artifact!.get('model.json')!))
  const dtypes = json.weightsManifest[0].weights.map((w: { quantization?: { dtype: string } }) => w.quantization?.dtype)
  expect(new Set(dtypes)).toEqual(new Set(['uint8', undefined]))
  const elements = standard.report.layers.reduce((sum, { shape }) => sum + sizeOf(shape), 0)
  expect(standard.report.bytes).toBeGreaterThan(elements)
  expect(standard.report.transferBytes!.gzip).toBeLessThan(0.75 * elements)
  expect(standard.report.predictedBytes).toBe(standard.report.bytes)
})

test('activations are simulated, and written as layers that compute the same', async () => {
  const targetPlatform = 'onnxruntime-cpu'
  const { artifact, graph, report } = await quantize(tfjsModel, { ...options, targetPlatform })
  expect(report.activations.length).toBeGreaterThan(6)
  const json = JSON.parse(new TextDecoder().decode(artifact!.get('model.json')!))
  const classes = json.modelTopology.config.layers.map(({ class_name }: { class_name: string }) => class_name)
  expect(classes).toContain('Rescaling')
  expect(Math.min(...report.distances.toSimulation.map(({ sqnr }) => sqnr))).toBeGreaterThan(40)
  // On pictures that nothing was fitted to, 8 bits of the activations show.
  const { adapter } = options
  const float = await adapter.compile(await adapter.read(tfjsModel), graph.outputs)
  const written = await adapter.open!(artifact!)
  const unseen = testSet()
    .slice(0, 16)
    .map(({ feed }: { feed: Tensors }) => channelsLast(feed))
  const [distance] = await compareSessions(float, written, unseen, graph.outputs)
  await float.dispose()
  await written.dispose()
  expect(distance!.sqnr).toBeGreaterThan(20)
  expect(distance!.sqnr).toBeLessThan(60)
  const session = await tfjs().compile(graph, graph.outputs)
  expect(toF32([...(await session.run(representativeDataset[0]!)).values()][0]!).every(Number.isFinite)).toBe(true)
  await session.dispose()
})
