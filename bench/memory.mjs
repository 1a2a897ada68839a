// Peak memory of the whole job, and whether sessions leave anything behind. `node bench/memory.mjs [model] [samples] [memoryLimit]`
import { withSession } from '@mixbit/adapter'
import { quantize } from '@mixbit/core'
import { onnx } from '@mixbit/onnx'
import { modelBytes, models, sharedIsThere } from './models.mjs'

if (!sharedIsThere) {
  console.log('The shared models are not here: nothing was measured.')
  process.exit(0)
}
const [name = 'squeezenet', count = '64', memoryLimit = '256e6'] = process.argv.slice(2)
const adapter = onnx({ threads: 1 })
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(0)} MB`

const small = await adapter.read(modelBytes('resnet20'))
const [{ feed }] = await models.resnet20.samples(1)
const growth = []
for (let i = 0; i <= 300; i++) {
  await withSession(adapter, small, small.outputs, (session) => session.run(feed))
  if (i % 100 === 0) growth.push(megabytes(process.memoryUsage().rss))
}
console.log(`resident after 1, 101, 201 and 301 sessions: ${growth.join(', ')}`)

const samples = (await models[name].samples(Number(count))).map(({ feed }) => feed)
const before = process.memoryUsage().rss
await quantize(modelBytes(name), {
  adapter,
  representativeDataset: samples,
  targetResourceUtilization: { weightsMemory: '12.5%' },
  coreConfig: { mixedPrecisionConfig: { numOfImages: samples.length, memoryLimit: Number(memoryLimit) } },
})
console.log(
  `${name}, ${samples.length} samples, memoryLimit ${memoryLimit}: ${megabytes(before)} before, peak ${megabytes(process.resourceUsage().maxRSS * 1024)}`,
)
