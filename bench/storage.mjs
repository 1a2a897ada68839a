// Every width and grid: bytes of the file, time to load it, latency beside float and 8 bits, and whether it computes what was
// simulated. `node bench/storage.mjs [model] [--target onnxruntime-cpu]`
import { parseArgs } from 'node:util'
import { quantize, targetPlatform } from '@mixbit/core'
import { onnx } from '@mixbit/onnx'
import { modelBytes, models, sharedIsThere } from './models.mjs'

if (!sharedIsThere) {
  console.log('The shared models are not here: nothing was measured.')
  process.exit(0)
}
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { target: { type: 'string', default: 'onnxruntime-cpu' } },
})
const [name = 'squeezenet'] = positionals
const adapter = onnx({ threads: 1 })
const source = modelBytes(name)
const samples = (await models[name].samples(8)).map(({ feed }) => feed)
const platform = targetPlatform(values.target)
const tables = ['midRise', 'kMeans', 'lutSymmetric', 'lutPowerOfTwo']
const grids = [
  ...[8, 7, 6, 5].flatMap((bits) => [null, 'powerOfTwo', 'uniform'].map((scheme) => ({ bits, scheme }))),
  ...[4, 3, 2].flatMap((bits) => [
    ...[null, 'powerOfTwo', 'uniform'].map((scheme) => ({ bits, scheme })),
    ...tables.map((table) => ({ bits, table })),
  ]),
  { bits: 2, table: 'ternary' },
  ...['midRise', 'kMeans'].map((table) => ({ bits: 1, table })),
]
const median = (times) => times.sort((a, b) => a - b)[times.length >> 1]

/** Milliseconds to open a file, and to run it. */
async function timesOf(artifact) {
  const loads = []
  for (let i = 0; i < 5; i++) {
    const start = performance.now()
    const session = await adapter.open(artifact)
    loads.push(performance.now() - start)
    await session.dispose()
  }
  const session = await adapter.open(artifact)
  const runs = []
  for (let i = 0; i < 40; i++) {
    const start = performance.now()
    await session.run(samples[i % samples.length])
    runs.push(performance.now() - start)
  }
  await session.dispose()
  return { load: median(loads), run: median(runs) }
}

const float = await adapter.write(await adapter.read(source))
const base = await timesOf(float)
console.log(
  `${name}: float ${float.length} bytes, load ${base.load.toFixed(1)} ms, ${base.run.toFixed(2)} ms per sample`,
)
console.log(
  'bits  grid           file kB  of float   off %   load / float   latency / float   latency / int8   simulation dB',
)
let int8
for (const { bits, scheme, table } of grids) {
  // A table competes with the symmetric grid of its width, layer by layer.
  const weights = { bits: [bits], scheme: scheme ?? 'symmetric', perChannel: true, ...(table && { tables: [table] }) }
  const { artifact, report } = await quantize(source, {
    adapter,
    representativeDataset: samples,
    targetPlatform: { ...platform, weights },
  })
  const { load, run } = await timesOf(artifact)
  int8 ??= run
  console.log(
    [
      String(bits).padEnd(5),
      (table ?? scheme ?? '-').padEnd(13),
      (artifact.length / 1000).toFixed(1).padStart(8),
      (artifact.length / float.length).toFixed(3).padStart(9),
      (100 * (report.predictedBytes / artifact.length - 1)).toFixed(2).padStart(7),
      (load / base.load).toFixed(2).padStart(14),
      (run / base.run).toFixed(2).padStart(17),
      (run / int8).toFixed(2).padStart(16),
      Math.min(...report.distances.toSimulation.map(({ sqnr }) => sqnr))
        .toFixed(1)
        .padStart(15),
    ].join(' '),
  )
}
