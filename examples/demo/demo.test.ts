import { createHash } from 'node:crypto'
import { quantize } from '@mixbit/core'
import { onnx } from '@mixbit/onnx'
import { expect, test } from 'vitest'
// @ts-expect-error plain JavaScript without types
import { calibration, evaluate, modelBytes, testSet } from './demo.mjs'
// @ts-expect-error plain JavaScript without types
import { classes, pictures } from './draw.mjs'

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
