// ResNet-20 on CIFAR-10 beside the peer: top-1 on JPEG and lossless test images, and agreement with the float model.
// `node bench/accuracy.mjs [--methods AVG,LAST_LAYER] [--budgets 0.125,0.1] [--activations 16]`; calibration and settings are the peer's,
// weights of 8, 4 and 2 bits rounded to the nearest included; `--rounding errorCompensating` for the default rounding and all widths.
import { parseArgs } from 'node:util'
import { quantize, targetPlatform } from '@mixbit/core'
import { onnx } from '@mixbit/onnx'
import { mctWeights, modelBytes, sharedIsThere } from './models.mjs'
import { peerCalibration, resnetAccuracy } from './resnet20.mjs'

if (!sharedIsThere) {
  console.log('The shared models are not here: nothing was measured.')
  process.exit(0)
}
const { values } = parseArgs({
  options: {
    methods: { type: 'string', default: 'AVG,LAST_LAYER,EXP,HESSIAN,OUTPUT' },
    budgets: { type: 'string', default: '0.25,0.1875,0.125,0.11,0.1,0.09,0.08' },
    target: { type: 'string', default: 'onnxruntime-cpu' },
    activations: { type: 'string' },
    rounding: { type: 'string', default: 'nearest' },
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

const given = targetPlatform(values.target)
const named = values.rounding === 'nearest' ? { ...given, weights: mctWeights } : given
const bits = values.activations?.split(',').map(Number)
const platform = bits ? { ...named, activations: { ...named.activations, bits } } : named
const adapter = onnx({ threads: 1 })
const accuracy = await resnetAccuracy(adapter)
console.log(`float: ${accuracy.float.join(' / ')}`)
console.log('budget  method       JPEG 5k  lossless 761  agreement  peer JPEG 10k / lossless   time      bits')
for (const budget of values.budgets.split(',').map(Number))
  for (const distanceWeightingMethod of values.methods.split(',')) {
    const { artifact, report } = await quantize(modelBytes('resnet20'), {
      adapter,
      representativeDataset: peerCalibration(accuracy.input),
      targetPlatform: platform,
      targetResourceUtilization: { weightsMemory: `${budget * 100}%` },
      coreConfig: {
        mixedPrecisionConfig: { distanceWeightingMethod, numOfImages: 32 },
        quantizationConfig: { weightsRounding: values.rounding },
      },
    })
    const { jpeg, lossless, agreement, milliseconds } = await accuracy.of(artifact)
    console.log(
      [
        String(budget).padEnd(7),
        distanceWeightingMethod.padEnd(11),
        jpeg.padStart(8),
        lossless.padStart(13),
        agreement.padStart(10),
        (peer[budget] ?? []).join(' / ').padStart(27),
        `${milliseconds} ms  `,
        report.layers.map((l) => l.bits).join(' '),
      ].join(' '),
    )
  }
