// Every shared model at 25 % and 15 % of its float weights: does the file load, match its simulation, and have the
// predicted size? `node bench/table.mjs [model ...] [--target onnxruntime-cpu] [--method LAST_LAYER]
// [--rounding nearest]` (weights of 8, 4 and 2 bits rounded to the nearest, as MCT does)
import { parseArgs } from 'node:util'
import { quantize, targetPlatform } from '@mixbit/core'
import { onnx } from '@mixbit/onnx'
import { mctWeights, modelBytes, models, sharedIsThere } from './models.mjs'

if (!sharedIsThere) {
  console.log('The shared models are not here: nothing was measured.')
  process.exit(0)
}
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    target: { type: 'string', default: 'weights-only' },
    samples: { type: 'string', default: '16' },
    method: { type: 'string', default: 'AVG' },
    rounding: { type: 'string', default: 'errorCompensating' },
  },
})
const names = positionals.length > 0 ? positionals : Object.keys(models)
const unknown = names.filter((name) => !models[name])
if (unknown.length > 0) throw new Error(`There is no model ${unknown}; there are ${Object.keys(models).join(', ')}.`)
const platform = targetPlatform(values.target)
const line = (cells) =>
  console.log(cells.map((cell, i) => (i === 0 ? String(cell).padEnd(15) : String(cell).padStart(11))).join(''))
line(['model', 'budget', 'float kB', 'file kB', 'predicted', 'off %', 'sim dB', 'float dB', 'agree', 'seconds', 'bits'])
let failures = 0
for (const name of names)
  for (const weightsMemory of ['25%', '15%'])
    try {
      const samples = await models[name].samples(Number(values.samples))
      const start = performance.now()
      const { report } = await quantize(modelBytes(name), {
        adapter: onnx(),
        representativeDataset: samples.map(({ feed }) => feed),
        targetResourceUtilization: { weightsMemory },
        targetPlatform: values.rounding === 'nearest' ? { ...platform, weights: mctWeights } : platform,
        coreConfig: {
          quantizationConfig: { weightsRounding: values.rounding },
          mixedPrecisionConfig: { numOfImages: samples.length, distanceWeightingMethod: values.method },
        },
      })
      const worst = (rows, key) => Math.min(...rows.map((row) => row[key]))
      const counts = {}
      for (const { bits } of report.layers) counts[bits] = (counts[bits] ?? 0) + 1
      line([
        name,
        weightsMemory,
        (report.floatUtilization.fileSize / 1000).toFixed(1),
        (report.bytes / 1000).toFixed(1),
        (report.predictedBytes / 1000).toFixed(1),
        (100 * (report.predictedBytes / report.bytes - 1)).toFixed(2),
        worst(report.distances.toSimulation, 'sqnr').toFixed(1),
        worst(report.distances.toFloat, 'sqnr').toFixed(1),
        report.distances.toFloat[0].top1Agreement?.toFixed(3) ?? '-',
        ((performance.now() - start) / 1000).toFixed(1),
        Object.entries(counts)
          .map(([bits, n]) => `${n}x${bits}`)
          .join(' '),
      ])
    } catch (error) {
      failures++
      line([name, weightsMemory, `${error.code ?? error.name}: ${error.message}`])
      if (process.env.DEBUG) console.error(error)
    }
process.exitCode = failures > 0 ? 1 : 0
