import { createHash } from 'node:crypto'
import { quantize } from '@mixbit/core'
import { onnx } from '@mixbit/onnx'
import { readFiles, tfjs } from '@mixbit/tfjs'
import { expect, test } from 'vitest'
// @ts-expect-error plain JavaScript without types
import { calibration, channelsLast, evaluate, modelBytes, testSet, tfjsModel } from './demo.mjs'
// @ts-expect-error plain JavaScript without types
import { classes, pictures } from './draw.mjs'
// @ts-expect-error plain JavaScript without types
import { tfjsFiles } from './write-tfjs.mjs'

const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

test('the same seed draws the same pictures, another seed others', () => {
  const [a, b, c] = [pictures(24, 5), pictures(24, 5), pictures(24, 6)]
  expect(a.map(({ pixels }: { pixels: Uint8Array }) => hash(pixels))).toEqual(
    b.map(({ pixels }: { pixels: Uint8Array }) => hash(pixels)),
  )
  expect(hash(a[0].pixels)).not.toBe(hash(c[0].pixels))
  expect(new Set(a.map(({ label }: { label: number }) => label)).size).toBe(classes.length)
})

test('the model that ships is small and at least 95 % right on the pictures that ship', async () => {
  const bytes = modelBytes()
  expect(bytes.length).toBeLessThan(1_000_000)
  const { accuracy } = await evaluate(onnx(), bytes, testSet())
  expect(accuracy).toBeGreaterThanOrEqual(95)
})

test('an eighth of its weights is enough, in integer arithmetic, and the file has the predicted size', async () => {
  const { artifact, report } = await quantize(modelBytes(), {
    adapter: onnx(),
    representativeDataset: calibration(),
    targetPlatform: 'onnxruntime-cpu',
    targetResourceUtilization: { weightsMemory: '12.5%' },
  })
  expect(artifact!.length).toBeLessThan(40_000)
  expect(Math.abs(report.predictedBytes! / artifact!.length - 1)).toBeLessThan(0.005)
  expect((await evaluate(onnx(), artifact!, testSet())).accuracy).toBeGreaterThanOrEqual(97)
})

test('the TF.js model that ships is the ONNX model in another layout', async () => {
  const shipped = await readFiles(tfjsModel)
  for (const [name, bytes] of await tfjsFiles()) expect(hash(shipped.get(name)!)).toBe(hash(bytes))
})

test('the ONNX and the TF.js model get the same sensitivities and the same assignment', async () => {
  const samples = calibration().slice(0, 16)
  const options = {
    targetResourceUtilization: { weightsMemory: '12%' },
    coreConfig: { mixedPrecisionConfig: { numOfImages: 16 } },
  }
  const one = await quantize(modelBytes(), { adapter: onnx(), representativeDataset: samples, ...options })
  const other = await quantize(tfjsModel, {
    adapter: tfjs(),
    representativeDataset: samples.map(channelsLast),
    ...options,
  })
  expect(other.report.layers.map(({ bits }) => bits)).toEqual(one.report.layers.map(({ bits }) => bits))
  for (const [i, { candidates }] of one.report.layers.entries())
    for (const [c, { sensitivity }] of candidates.entries()) {
      const ratio = other.report.layers[i]!.candidates[c]!.sensitivity! / sensitivity!
      expect(Math.abs(ratio - 1), `layer ${i}, candidate ${c}`).toBeLessThan(5e-3)
    }
  // On wasm the written model is as right as the ONNX one.
  const nhwc = testSet().map(({ label, feed }: { label: number; feed: unknown }) => ({
    label,
    feed: channelsLast(feed),
  }))
  const accuracy = [await evaluate(onnx(), one.artifact, testSet()), await evaluate(tfjs(), other.artifact, nhwc)].map(
    (result) => result.accuracy,
  )
  expect(Math.abs(accuracy[0] - accuracy[1])).toBeLessThan(0.5)
})
