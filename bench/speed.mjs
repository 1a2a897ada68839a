// Ratios of one run: what the sweep costs in float forwards, what the whole job costs, and how fast the files are.
// `node bench/speed.mjs [model ...] [--widths 8,4,2] [--images 32]` (default: resnet20 mobilenet_v1 squeezenet, every width of the platform, as
// many samples in the sweep as its precision takes)
import { parseArgs } from 'node:util'
import { quantize, targetPlatform } from '@mixbit/core'
import { onnx } from '@mixbit/onnx'
import { mctWeights, modelBytes, models, sharedIsThere } from './models.mjs'

if (!sharedIsThere) {
  console.log('The shared models are not here: nothing was measured.')
  process.exit(0)
}
const adapter = onnx({ threads: 1 })
const { values, positionals: names } = parseArgs({
  allowPositionals: true,
  options: { widths: { type: 'string' }, images: { type: 'string' } },
})
const images = values.images && { numOfImages: Number(values.images) }
const median = (xs) => xs.toSorted((a, b) => a - b)[xs.length >> 1]
const known = targetPlatform('onnxruntime-cpu')
const bits = values.widths?.split(',').map(Number) ?? known.weights.bits
const platform = { ...known, weights: { ...known.weights, bits } }

/** What a job gives, and its CPU seconds. */
async function timed(source, options) {
  const before = process.cpuUsage()
  const result = await quantize(source, options)
  const { user, system } = process.cpuUsage(before)
  return { ...result, seconds: (user + system) / 1e6 }
}

/** Median milliseconds of one forward pass, warm, one thread. */
async function milliseconds(session, feeds, runs = 60) {
  const times = []
  for (let i = 0; i < runs + 10; i++) {
    const start = performance.now()
    await session.run(feeds[i % feeds.length])
    if (i >= 10) times.push(performance.now() - start)
  }
  return median(times)
}

for (const name of names.length > 0 ? names : ['resnet20', 'mobilenet_v1', 'squeezenet']) {
  // As the peer does: 100 images for calibration, at most 32 of them for the sensitivity.
  const samples = (await models[name].samples(name === 'resnet20' ? 100 : 32)).map(({ feed }) => feed)
  const source = modelBytes(name)
  const float = await adapter.open(await adapter.write(await adapter.read(source)), { threads: 1 })
  const forward = await milliseconds(float, samples)
  const options = {
    adapter,
    representativeDataset: samples,
    targetPlatform: platform,
    targetResourceUtilization: { weightsMemory: '12.5%' },
    coreConfig: { mixedPrecisionConfig: { ...images } },
  }
  const { artifact, report, seconds } = await timed(source, options)
  const candidates = report.layers.reduce((sum, layer) => sum + layer.candidates.length, 0)
  const lastLayer = { ...images, distanceWeightingMethod: 'LAST_LAYER', keepAllDistances: false }
  const few = await quantize(source, { ...options, coreConfig: { mixedPrecisionConfig: lastLayer } })
  const nearest = await timed(source, {
    ...options,
    targetPlatform: { ...platform, weights: mctWeights },
    coreConfig: { quantizationConfig: { weightsRounding: 'nearest' }, mixedPrecisionConfig: { numOfImages: 32 } },
  })
  const session = await adapter.open(artifact, { threads: 1 })
  const quantized = await milliseconds(session, samples)
  const again = await milliseconds(float, samples)
  console.log(
    `${name}: float forward ${forward.toFixed(2)} ms (${again.toFixed(2)} after), ${candidates} candidates x ${report.sensitivitySamples} samples`,
  )
  const inForwards = ({ timings, sensitivitySamples }) =>
    (timings.sensitivity / (candidates * sensitivitySamples * Math.min(forward, again))).toFixed(2)
  console.log(
    `  sweep ${report.timings.sensitivity.toFixed(0)} ms = ${inForwards(report)} of ${candidates * report.sensitivitySamples} float forwards; for LAST_LAYER alone ${inForwards(few.report)} (${few.report.sensitivitySamples} samples)`,
  )
  console.log(
    `  whole job ${seconds.toFixed(2)} CPU s, as MCT does it (8/4/2 bits, nearest) ${nearest.seconds.toFixed(2)}; stages ${JSON.stringify(Object.fromEntries(Object.entries(report.timings).map(([k, v]) => [k, Math.round(v)])))}`,
  )
  console.log(
    `  uint8 file ${quantized.toFixed(2)} ms = ${(quantized / again).toFixed(2)} of float; ${report.bytes} bytes of ${report.floatUtilization.fileSize}; peak RSS ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB`,
  )
  await session.dispose()
  await float.dispose()
}
