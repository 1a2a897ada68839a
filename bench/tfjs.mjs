// TF.js models at 25 % and 15 % of their float weights: written, loaded through the loader, compared with the simulation; bytes
// beside the prediction; the cost of the sweep in forwards of the float model. `node bench/tfjs.mjs [model ...] [--top1] [--loader]`
// --top1: MobileNet beside TF.js's own uint8 at equal transfer size. --loader: speed and memory of unpacking.
import { parseArgs } from 'node:util'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { withSession } from '@mixbit/adapter'
import { quantize, targetPlatforms } from '@mixbit/core'
import { readFiles, tfjs } from '@mixbit/tfjs'
import { mixbitHandler } from '@mixbit/tfjs/loader'
import { imagenet, models as onnxModels, random, shared, sharedIsThere } from './models.mjs'

/** A picture [1, 3, 224, 224] as [1, size, size, channels]: nearest pixel, NHWC. */
function picture({ feed, label }, id, size, channels = 3, dtype = 'f32') {
  const [{ data }] = feed.values()
  const pixels = new (dtype === 'i32' ? Int32Array : Float32Array)(size * size * channels)
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++)
      for (let c = 0; c < channels; c++) {
        const from = Math.floor((y * 224) / size) * 224 + Math.floor((x * 224) / size)
        pixels[(y * size + x) * channels + c] = data[(channels === 1 ? 1 : c) * 224 * 224 + from]
      }
  return { label, feed: new Map([[id, { dtype, shape: [1, size, size, channels], data: pixels }]]) }
}
const pictures =
  (id, size, scale, channels, dtype) =>
  async (count, start = 0) =>
    (await imagenet(start, count, 'x', scale)).map((sample) => picture(sample, id, size, channels, dtype))
const unit = (v) => v / 127.5 - 1
const models = {
  mobilenet: ['mobilenet_v1_025_224/tfjs', pictures('input_2', 224, unit)],
  magika: [
    'magika_v3_3/tfjs',
    async (count) =>
      (await onnxModels.magika.samples(count))
        .slice(0, count)
        .map(({ feed }) => ({ feed: new Map([['xs_0', feed.get('bytes')]]) })),
  ],
  blazeface: ['tfjs_human/blazeface.json', pictures('input', 256, unit)],
  emotion: ['tfjs_human/emotion.json', pictures('input_1', 64, unit, 1)],
  handtrack: ['tfjs_human/handtrack.json', pictures('input_tensor', 320, (v) => v, 3, 'i32')],
}
const path = (name) => `${shared}models/${models[name][0]}`
const sizes = (files) => {
  const all = [...files.values()]
  const sum = (compress) => all.reduce((total, bytes) => total + compress(bytes).length, 0)
  return { raw: sum((bytes) => bytes), gzip: sum(gzipSync), brotli: sum(brotliCompressSync) }
}
const adapter = tfjs()
const line = (cells) =>
  console.log(cells.map((cell, i) => (i === 0 ? String(cell).padEnd(11) : String(cell).padStart(10))).join(''))

async function table(names, count) {
  line([
    'model',
    'budget',
    'float kB',
    'file kB',
    'gzip kB',
    'brotli kB',
    'off %',
    'sim dB',
    'float dB',
    'agree',
    'sweep x',
    'seconds',
  ])
  for (const name of names)
    for (const weightsMemory of ['25%', '15%']) {
      const samples = (await models[name][1](name === 'handtrack' ? 4 : count)).map(({ feed }) => feed)
      const start = performance.now()
      const { artifact, report } = await quantize(path(name), {
        adapter,
        representativeDataset: samples,
        targetResourceUtilization: { weightsMemory },
        targetPlatform: {
          ...targetPlatforms.tfjs,
          weights: { ...targetPlatforms.tfjs.weights, bits: [8, 4, 2], tables: [] },
        },
        coreConfig: {
          quantizationConfig: { weightsRounding: 'nearest' },
          mixedPrecisionConfig: {
            numOfImages: samples.length,
            distanceWeightingMethod: 'LAST_LAYER',
            keepAllDistances: false,
          },
        },
      })
      const seconds = (performance.now() - start) / 1000
      const { gzip, brotli } = sizes(artifact)
      const worst = (rows, key) => Math.min(...rows.map((row) => row[key]))
      const candidates = report.layers.reduce((sum, layer) => sum + layer.candidates.length, 0)
      const forwards = (await forward(name, samples)) * candidates * samples.length
      line([
        name,
        weightsMemory,
        (report.floatUtilization.fileSize / 1000).toFixed(1),
        (report.bytes / 1000).toFixed(1),
        (gzip / 1000).toFixed(1),
        (brotli / 1000).toFixed(1),
        (100 * (report.predictedBytes / report.bytes - 1)).toFixed(3),
        worst(report.distances.toSimulation, 'sqnr').toFixed(1),
        worst(report.distances.toFloat, 'sqnr').toFixed(1),
        report.distances.toFloat[0].top1Agreement?.toFixed(3) ?? '-',
        (report.timings.sensitivity / forwards).toFixed(2),
        seconds.toFixed(1),
      ])
    }
}

/** Milliseconds of one run of the float model as it was read: the median. */
async function forward(name, samples) {
  const graph = await adapter.read(path(name))
  return withSession(adapter, graph, graph.outputs, async (session) => {
    const times = []
    for (let i = 0; i < 9; i++) {
      const start = performance.now()
      await session.run(samples[i % samples.length])
      times.push(performance.now() - start)
    }
    return times.sort((a, b) => a - b)[4]
  })
}

/** Share of right answers of files opened through the loader. */
async function top1(files, samples) {
  const session = await adapter.open(files)
  let right = 0
  for (const { feed, label } of samples) {
    const { data } = [...(await session.run(feed)).values()][0]
    if (data.indexOf(Math.max(...data)) === label) right++
  }
  await session.dispose()
  return ((100 * right) / samples.length).toFixed(1)
}

/** Converters of TF.js: uint8 from min to max of the whole tensor, zero on the grid; of all weights, or of those of some rank. */
async function converterUint8(files, leastRank) {
  const json = JSON.parse(new TextDecoder().decode(files.get('model.json')))
  const [group] = json.weightsManifest
  const bytes = Buffer.concat(group.paths.map((shard) => files.get(shard)))
  let at = 0
  const parts = group.weights.map((spec) => {
    const count = spec.shape.reduce((n, d) => n * d, 1)
    const data = new Float32Array(new Uint8Array(bytes.subarray(at, at + 4 * count)).buffer)
    at += 4 * count
    if (spec.shape.length < leastRank) return new Uint8Array(data.buffer)
    const [low, high] = [Math.min(0, ...chunked(data, Math.min)), Math.max(0, ...chunked(data, Math.max))]
    const scale = (high - low) / 255 || 1
    const min = -Math.round(-low / scale) * scale
    spec.quantization = { dtype: 'uint8', scale, min, original_dtype: 'float32' }
    return Uint8Array.from(data, (w) => Math.max(0, Math.min(255, Math.round((w - min) / scale))))
  })
  group.paths = ['group1-shard1of1.bin']
  return new Map([
    ['model.json', Buffer.from(JSON.stringify(json))],
    ['group1-shard1of1.bin', Buffer.concat(parts)],
  ])
}
const chunked = (data, most) =>
  Array.from({ length: Math.ceil(data.length / 10000) }, (_, i) => most(...data.subarray(i * 10000, (i + 1) * 10000)))

async function mobilenetTop1() {
  const test = await models.mobilenet[1](436, 64)
  const calibration = (await models.mobilenet[1](32)).map(({ feed }) => feed)
  const row = async (name, files) => {
    const { raw, gzip, brotli } = sizes(files)
    line([name.slice(0, 11), await top1(files, test), ...[raw, gzip, brotli].map((n) => (n / 1000).toFixed(1))])
  }
  console.log(`\nMobileNet, top-1 on ${test.length} pictures`)
  line(['', 'top-1', 'raw kB', 'gzip kB', 'brotli kB'])
  const files = await readFiles(path('mobilenet'))
  await row('float', files)
  await row('uint8, all', await converterUint8(files, 0))
  await row('kernels', await converterUint8(files, 2))
  for (const [weights, share] of [
    [[8], '100%'],
    [[8, 6, 5, 4], '22%'],
    [[8, 6, 5, 4], '20%'],
    [[8, 6, 5, 4], '18%'],
    [[8, 4], '24%'],
    [[8, 4], '20%'],
    [[8, 4], '16%'],
  ]) {
    const { artifact } = await quantize(path('mobilenet'), {
      adapter,
      representativeDataset: calibration,
      targetPlatform: {
        ...targetPlatforms.tfjs,
        weights: { ...targetPlatforms.tfjs.weights, bits: weights, tables: [] },
      },
      targetResourceUtilization: { weightsMemory: share },
      coreConfig: {
        quantizationConfig: { weightsRounding: 'nearest' },
        mixedPrecisionConfig: { distanceWeightingMethod: 'LAST_LAYER', numOfImages: 32 },
      },
    })
    await row(`${weights.join('/')} ${share}`, artifact)
  }
}

/** Unpacking a model of 40 MB of float weights at 4 bits, without the network. */
async function loaderSpeed() {
  const next = random(1)
  const shape = [1, 1, 1024, 10240]
  const count = shape[2] * shape[3]
  const codes = new Uint8Array(4 * shape[3] + count / 2).map(() => next() * 256)
  new Float32Array(codes.buffer, 0, shape[3]).fill(0.01)
  const weights = [
    { name: 'w', shape, dtype: 'float32', quantization: { dtype: 'mixbit', bits: 4, axis: 3, low: -8, zero: 0 } },
  ]
  const json = { modelTopology: { node: [], versions: {} }, weightsManifest: [{ paths: ['w.bin'], weights }] }
  const files = new Map([
    ['model.json', Buffer.from(JSON.stringify(json))],
    ['w.bin', codes],
  ])
  const speeds = []
  let held = 0
  for (let i = 0; i < 7; i++) {
    globalThis.gc?.()
    const before = process.memoryUsage().arrayBuffers
    const start = performance.now()
    const { getWeightStream } = await mixbitHandler(async (name) => files.get(name)).load()
    const reader = getWeightStream().getReader()
    const { value } = await reader.read()
    speeds.push((4 * count) / 1e6 / ((performance.now() - start) / 1000))
    held = Math.max(held, (process.memoryUsage().arrayBuffers - before) / value.byteLength)
  }
  console.log(`\nLoader: ${codes.length} packed bytes to ${4 * count} bytes of float weights`)
  console.log(
    `  ${speeds.sort((a, b) => a - b)[3].toFixed(0)} MB/s of float weights, ${held.toFixed(2)} x the float weights in new buffers`,
  )
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { samples: { type: 'string', default: '16' }, top1: { type: 'boolean' }, loader: { type: 'boolean' } },
})
if (values.loader) await loaderSpeed()
if (!sharedIsThere) console.log('The shared models are not here: only the loader can be measured.')
else if (values.top1) await mobilenetTop1()
else if (!values.loader) await table(positionals.length > 0 ? positionals : Object.keys(models), Number(values.samples))
