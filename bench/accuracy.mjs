// ResNet-20 on CIFAR-10 beside the peer: top-1 on JPEG and lossless test images, and agreement with the float model.
// `node bench/accuracy.mjs [--methods AVG,LAST_LAYER] [--budgets 0.125,0.1]`; calibration and settings are the peer's.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { quantize } from '@mixbit/core'
import { onnx } from '@mixbit/onnx'
import { cifar, modelBytes, shared, sharedIsThere } from './models.mjs'

if (!sharedIsThere) {
  console.log('The shared models are not here: nothing was measured.')
  process.exit(0)
}
const { values } = parseArgs({
  options: {
    methods: { type: 'string', default: 'AVG,LAST_LAYER,EXP,HESSIAN,OUTPUT' },
    budgets: { type: 'string', default: '0.25,0.1875,0.125,0.11,0.1,0.09,0.08' },
    target: { type: 'string', default: 'onnxruntime' },
  },
})
/** The peer's best of its four weightings: JPEG (10,000 images), lossless (761). */
const peer = {
  0.25: [81.06, 91.85],
  0.1875: [80.76, 91.46],
  0.125: [77.52, 91.46],
  0.11: [74.98, 90.28],
  0.1: [67.22, 84.76],
  0.09: [63.02, 81.73],
  0.08: [57.1, 76.48],
}

const adapter = onnx()
const source = modelBytes('resnet20')
const graph = await adapter.read(source)
const input = graph.inputs[0]
const raw = readFileSync(join(shared, 'data/cifar10/peer_calib100_nchw.f32'))
const floats = new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length))
const calibration = Array.from(
  { length: 100 },
  (_, i) => new Map([[input, { dtype: 'f32', shape: [1, 3, 32, 32], data: floats.slice(i * 3072, (i + 1) * 3072) }]]),
)
const jpeg = cifar('test5k.bin', 0, 5000, input)
const lossless = cifar('lossless_test761.bin', 0, 761, input)

/** Index of the largest logit for every picture, through a session in batches of 100. */
async function classes(session, pictures) {
  const result = []
  for (let start = 0; start < pictures.length; start += 100) {
    const batch = pictures.slice(start, start + 100)
    const data = new Float32Array(batch.length * 3072)
    for (const [i, { feed }] of batch.entries()) data.set(feed.get(input).data, i * 3072)
    const [logits] = (
      await session.run(new Map([[input, { dtype: 'f32', shape: [batch.length, 3, 32, 32], data }]]))
    ).values()
    for (let i = 0; i < batch.length; i++) {
      const row = logits.data.subarray(i * 10, i * 10 + 10)
      result.push(row.indexOf(Math.max(...row)))
    }
  }
  return result
}
const share = (a, b) => (100 * a.filter((x, i) => x === b[i]).length) / a.length

const float = await adapter.open(await adapter.write(graph))
const [floatJpeg, floatLossless] = [await classes(float, jpeg), await classes(float, lossless)]
const labels = [jpeg, lossless].map((set) => set.map(({ label }) => label))
console.log(`float: ${share(floatJpeg, labels[0]).toFixed(2)} / ${share(floatLossless, labels[1]).toFixed(2)}`)
console.log('budget  method       JPEG 5k  lossless 761  agreement  peer JPEG 10k / lossless   bits')
for (const budget of values.budgets.split(',').map(Number))
  for (const distanceWeightingMethod of values.methods.split(',')) {
    const { artifact, report } = await quantize(source, {
      adapter,
      representativeDataset: calibration,
      targetPlatform: values.target,
      targetResourceUtilization: { weightsMemory: `${budget * 100}%` },
      coreConfig: { mixedPrecisionConfig: { distanceWeightingMethod } },
    })
    const session = await adapter.open(artifact)
    const [a, b] = [await classes(session, jpeg), await classes(session, lossless)]
    await session.dispose()
    console.log(
      [
        String(budget).padEnd(7),
        distanceWeightingMethod.padEnd(11),
        share(a, labels[0]).toFixed(2).padStart(8),
        share(b, labels[1]).toFixed(2).padStart(13),
        share(a, floatJpeg).toFixed(2).padStart(10),
        (peer[budget] ?? []).join(' / ').padStart(27),
        ' ',
        report.layers.map((l) => l.bits).join(' '),
      ].join(' '),
    )
  }
