// ResNet-20 on CIFAR-10 as the peer was measured: its calibration pictures, its test pictures.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cifar, modelBytes, shared } from './models.mjs'

/** MCT's 100 calibration pictures, one feed each. */
export function peerCalibration(input) {
  const raw = readFileSync(join(shared, 'data/cifar10/peer_calib100_nchw.f32'))
  const floats = new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length))
  return Array.from(
    { length: 100 },
    (_, i) => new Map([[input, { dtype: 'f32', shape: [1, 3, 32, 32], data: floats.slice(i * 3072, (i + 1) * 3072) }]]),
  )
}

/** Index of the largest logit for every picture, through a session in batches of 100. */
async function classes(session, pictures, input) {
  const result = []
  for (let start = 0; start < pictures.length; start += 100) {
    const batch = pictures.slice(start, start + 100)
    const data = new Float32Array(batch.length * 3072)
    for (const [i, { feed }] of batch.entries()) data.set(feed.get(input).data, i * 3072)
    const feeds = new Map([[input, { dtype: 'f32', shape: [batch.length, 3, 32, 32], data }]])
    const [logits] = (await session.run(feeds)).values()
    for (let i = 0; i < batch.length; i++) {
      const row = logits.data.subarray(i * 10, i * 10 + 10)
      result.push(row.indexOf(Math.max(...row)))
    }
  }
  return result
}

const share = (a, b) => ((100 * a.filter((x, i) => x === b[i]).length) / a.length).toFixed(2)

/** Accuracy of files in percent: 5000 JPEG test pictures, 761 lossless ones, agreement with the float model on the 5000. */
export async function resnetAccuracy(adapter) {
  const graph = await adapter.read(modelBytes('resnet20'))
  const [input] = graph.inputs
  const sets = [cifar('test5k.bin', 0, 5000, input), cifar('lossless_test761.bin', 0, 761, input)]
  const labels = sets.map((set) => set.map(({ label }) => label))
  const predictions = async (artifact) => {
    const session = await adapter.open(artifact)
    const found = []
    for (const set of sets) found.push(await classes(session, set, input))
    const times = []
    for (const { feed } of sets[0].slice(0, 60)) {
      const start = performance.now()
      await session.run(feed)
      times.push(performance.now() - start)
    }
    await session.dispose()
    return { found, milliseconds: times.sort((a, b) => a - b)[30].toFixed(2) }
  }
  const float = await predictions(await adapter.write(graph))
  return {
    input,
    float: float.found.map((set, i) => share(set, labels[i])),
    async of(artifact) {
      const { found, milliseconds } = await predictions(artifact)
      const [jpeg, lossless] = found.map((set, i) => share(set, labels[i]))
      return { jpeg, lossless, agreement: share(found[0], float.found[0]), milliseconds }
    },
  }
}
