// Trains the classifier that the demo ships, on pictures that `draw.mjs` draws, and writes it as ONNX with pictures for
// calibration and test. `node train.mjs` (from this folder) takes some minutes on one core and needs nothing else.
import { mkdirSync, writeFileSync } from 'node:fs'
import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import * as layers from '@tensorflow/tfjs-layers'
import { classes, pictures } from './draw.mjs'
import { useFastKernels } from './fast-kernels.mjs'
import { writeOnnx } from './write-onnx.mjs'

await tf.setBackend('cpu')
useFastKernels()
tf.enableProdMode()

const conv = (filters, strides, seed) =>
  layers.layers.conv2d({
    filters,
    kernelSize: 3,
    strides,
    padding: 'same',
    useBias: false,
    kernelInitializer: layers.initializers.heNormal({ seed }),
  })
const norm = () => layers.layers.batchNormalization({ momentum: 0.9 })
const relu = () => layers.layers.activation({ activation: 'relu' })

const model = layers.sequential()
model.add(layers.layers.inputLayer({ inputShape: [32, 32, 3] }))
for (const [i, [filters, strides]] of [
  [12, 2],
  [16, 1],
  [24, 2],
  [24, 1],
  [40, 2],
  [40, 1],
  [64, 1],
].entries())
  for (const layer of [conv(filters, strides, i + 1), norm(), relu()]) model.add(layer)
model.add(layers.layers.globalAveragePooling2d({}))
model.add(
  layers.layers.dense({ units: classes.length, kernelInitializer: layers.initializers.glorotUniform({ seed: 99 }) }),
)

/** Pictures as a batch in [-1, 1], NHWC, with labels. */
const batchOf = (items) => ({
  x: tf.tensor4d(
    Float32Array.from(
      items.flatMap(({ pixels }) => [...pixels]),
      (v) => v / 127.5 - 1,
    ),
    [items.length, 32, 32, 3],
  ),
  y: tf.tensor1d(
    items.map(({ label }) => label),
    'int32',
  ),
})

function accuracy(items) {
  let right = 0
  for (let start = 0; start < items.length; start += 100) {
    const batch = items.slice(start, start + 100)
    right += tf.tidy(() => {
      const { x, y } = batchOf(batch)
      return tf.sum(tf.equal(tf.cast(tf.argMax(model.predict(x), 1), 'int32'), y)).dataSync()[0]
    })
  }
  return right / items.length
}

const held = pictures(600, 4242)
const steps = Number(process.env.STEPS ?? 900)
const started = performance.now()
for (let step = 0; step < steps; step++) {
  // Every batch is new pictures, so there is nothing to overfit to; the rate falls to nothing along a cosine.
  const rate = 0.004 * 0.5 * (1 + Math.cos((Math.PI * step) / steps)) + 1e-5
  const batch = batchOf(pictures(48, 100_000 + step))
  optimizer().learningRate = rate
  const loss = optimizer().minimize(
    () => tf.losses.softmaxCrossEntropy(tf.oneHot(batch.y, classes.length), model.apply(batch.x, { training: true })),
    true,
  )
  if (step % 50 === 0)
    console.log(
      `step ${step}: loss ${loss.dataSync()[0].toFixed(4)}, ${((performance.now() - started) / 1000).toFixed(0)} s`,
    )
  tf.dispose([loss, batch.x, batch.y])
}
const final = accuracy(held)
console.log(`accuracy on ${held.length} new pictures: ${(100 * final).toFixed(2)} %`)
if (final < 0.95) throw new Error('The model is not good enough to ship.')

mkdirSync('model', { recursive: true })
writeFileSync('model/shapes.onnx', writeOnnx(model, classes.length))
writeFileSync('model/calibration.bin', Buffer.concat(pictures(120, 77).map(({ pixels }) => pixels)))
writeFileSync(
  'model/test.bin',
  Buffer.concat(held.map(({ label, pixels }) => Buffer.concat([Buffer.of(label), pixels]))),
)

function optimizer() {
  optimizer.adam ??= tf.train.adam(0.004)
  return optimizer.adam
}
