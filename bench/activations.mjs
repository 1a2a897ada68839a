// Activations of 8, 4 and 2 bits on ResNet-20 under budgets on activation memory and total memory, beside MCT.
// `node bench/activations.mjs [--target onnxruntime-cpu] [--methods AVG,LAST_LAYER] [--rounding nearest]`
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
    target: { type: 'string', default: 'onnxruntime-cpu' },
    methods: { type: 'string', default: 'AVG,LAST_LAYER' },
    rounding: { type: 'string', default: 'errorCompensating' },
  },
})
/** Of the 8-bit figures: activation memory 49,152 B, total 317,488 B. */
const cases = [
  { name: 'activations x0.5', budget: { activationMemory: 24_576 }, weights: [8], peer: '77.96 / 91.46' },
  { name: 'activations x0.375', budget: { activationMemory: 18_432 }, weights: [8], peer: '63.87 / 83.84' },
  { name: 'total x0.4', budget: { totalMemory: 126_995 }, weights: [8, 4, 2], peer: '57.92 / 79.37' },
]
const adapter = onnx({ threads: 1 })
const accuracy = await resnetAccuracy(adapter)
console.log(
  'budget              method      JPEG 5k / lossless / agreement   MCT AVG          ms     activation bits | weight bits',
)
for (const { name, budget, weights, peer } of cases)
  for (const distanceWeightingMethod of values.methods.split(',')) {
    const { artifact, report } = await quantize(modelBytes('resnet20'), {
      adapter,
      representativeDataset: peerCalibration(accuracy.input),
      targetPlatform: { ...targetPlatform(values.target), weights: { ...mctWeights, bits: weights } },
      targetResourceUtilization: budget,
      coreConfig: {
        mixedPrecisionConfig: { distanceWeightingMethod, numOfImages: 32 },
        quantizationConfig: { weightsRounding: values.rounding },
      },
    })
    const { jpeg, lossless, agreement, milliseconds } = await accuracy.of(artifact)
    const bits = (rows) => rows.map((row) => row.bits).join(' ')
    console.log(
      `${name.padEnd(19)} ${distanceWeightingMethod.padEnd(11)} ${`${jpeg} / ${lossless} / ${agreement}`.padEnd(32)} ${peer.padEnd(16)} ${milliseconds.padEnd(6)} ${bits(report.activations)} | ${bits(report.layers)}`,
    )
    console.log(
      `  used ${report.utilization.activationMemory} + ${report.utilization.weightsMemory} B; simulation ${report.distances.toSimulation[0].sqnr.toFixed(1)} dB; sweep ${report.timings.sensitivity.toFixed(0)} ms`,
    )
  }
