// The main job on the model that ships with the project: budgets on weights and on activations, AVG beside LAST_LAYER, and the files run.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { quantize } from '@mixbit/core'
import { onnx } from '@mixbit/onnx'
import { tfjs } from '@mixbit/tfjs'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const output = here('../../demo-output/')

/** RGB bytes of one picture as the model wants them: [1, 3, 32, 32] in [-1, 1]. */
export function feedOf(pixels) {
  const data = new Float32Array(3072)
  for (let p = 0; p < 1024; p++) for (let c = 0; c < 3; c++) data[c * 1024 + p] = pixels[p * 3 + c] / 127.5 - 1
  return new Map([['input', { dtype: 'f32', shape: [1, 3, 32, 32], data }]])
}

const slices = (bytes, size) =>
  Array.from({ length: bytes.length / size }, (_, i) => bytes.subarray(i * size, (i + 1) * size))
export const calibration = () => slices(readFileSync(here('model/calibration.bin')), 3072).map(feedOf)
export const testSet = () =>
  slices(readFileSync(here('model/test.bin')), 3073).map((record) => ({
    label: record[0],
    feed: feedOf(record.subarray(1)),
  }))
/** A picture with its channels last, as TF.js takes it: [1, 32, 32, 3]. */
export function channelsLast(feed) {
  const { data } = feed.get('input')
  const last = Float32Array.from(data, (_, i) => data[(i % 3) * 1024 + Math.floor(i / 3)])
  return new Map([['input', { dtype: 'f32', shape: [1, 32, 32, 3], data: last }]])
}
export const tfjsModel = here('model/tfjs/model.json')

export const modelBytes = () => new Uint8Array(readFileSync(here('model/shapes.onnx')))

/** Accuracy in percent and median milliseconds per picture of a written model, one thread. */
export async function evaluate(adapter, bytes, pictures) {
  const session = await adapter.open(bytes, { threads: 1 })
  const times = []
  let right = 0
  for (const { label, feed } of pictures) {
    const start = performance.now()
    const logits = (await session.run(feed)).get('logits').data
    times.push(performance.now() - start)
    if (logits.indexOf(Math.max(...logits)) === label) right++
  }
  await session.dispose()
  return { accuracy: (100 * right) / pictures.length, milliseconds: times.sort((a, b) => a - b)[times.length >> 1] }
}

/** Shares of the float weights, and of the float activations at the worst moment. */
const budgets = [
  { weightsMemory: '20%' },
  { weightsMemory: '12%' },
  { weightsMemory: '8%' },
  { activationMemory: '12%' },
]

async function main() {
  const adapter = onnx()
  const source = modelBytes()
  const pictures = testSet()
  const representativeDataset = calibration()
  mkdirSync(output, { recursive: true })
  const float = await evaluate(adapter, source, pictures)
  console.log(
    `shapes.onnx: ${source.length} bytes, accuracy ${float.accuracy.toFixed(1)} % on ${pictures.length} pictures, ${float.milliseconds.toFixed(3)} ms per picture\n`,
  )
  for (const budget of budgets) {
    const runs = []
    for (const distanceWeightingMethod of ['AVG', 'LAST_LAYER']) {
      const { artifact, report } = await quantize(source, {
        adapter,
        representativeDataset,
        targetPlatform: 'onnxruntime-cpu',
        targetResourceUtilization: budget,
        coreConfig: { mixedPrecisionConfig: { distanceWeightingMethod } },
      })
      const file = `shapes-${Object.entries(budget).flat().join('-').replace('%', 'pct')}-${distanceWeightingMethod}.onnx`
      writeFileSync(`${output}${file}`, artifact)
      runs.push({ file, report, ...(await evaluate(adapter, artifact, pictures)) })
    }
    print(budget, runs)
  }
  await demoTfjs(pictures, representativeDataset)
  console.log('The files are in demo-output/.')
}

/** The same network as a TF.js model: read, quantized, written for the loader, opened through it. */
async function demoTfjs(pictures, representativeDataset) {
  const adapter = tfjs()
  const { artifact, report } = await quantize(tfjsModel, {
    adapter,
    representativeDataset: representativeDataset.map(channelsLast),
    targetResourceUtilization: { weightsMemory: '12%' },
    coreConfig: { mixedPrecisionConfig: { distanceWeightingMethod: 'LAST_LAYER' } },
  })
  const folder = `${output}shapes-tfjs/`
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  for (const [name, bytes] of artifact) writeFileSync(`${folder}${name}`, bytes)
  const { accuracy, milliseconds } = await evaluate(
    adapter,
    artifact,
    pictures.map(({ label, feed }) => ({ label, feed: channelsLast(feed) })),
  )
  console.log('The TF.js model: 12% of the float weights, LAST_LAYER')
  console.log(`  bits        ${report.layers.map(({ bits }) => bits).join(' ')}`)
  console.log(
    `  files       ${report.bytes} B of ${report.floatUtilization.fileSize} B, predicted ${report.predictedBytes} B`,
  )
  console.log(`  accuracy    ${accuracy.toFixed(1)} %, ${milliseconds.toFixed(3)} ms per picture on wasm\n`)
}

function print(budget, [avg, last]) {
  const row = (name, cell) =>
    console.log(`  ${name.padEnd(22)}${String(cell(avg)).padStart(14)}${String(cell(last)).padStart(14)}`)
  const [[resource, share]] = Object.entries(budget)
  const onActivations = resource === 'activationMemory'
  console.log(`Budget: ${share} of the float ${onActivations ? 'activations' : 'weights'}`)
  row('', ({ report }) => report.distanceWeightingMethod)
  const rows = onActivations ? 'activations' : 'layers'
  for (const [i, { node, value }] of avg.report[rows].entries())
    row(node ?? value, ({ report }) => `${report[rows][i].bits} bits`)
  // The same bits, each weight to its nearest point, and rounded so that errors compensate.
  row('loss if nearest', ({ report }) => report.rounding[0].outputLoss.toFixed(4))
  row('output loss', ({ report }) => report.rounding.at(-1).outputLoss.toFixed(4))
  row('accuracy', ({ accuracy }) => `${accuracy.toFixed(1)} %`)
  row('file', ({ report }) => `${report.bytes} B`)
  row('per picture', ({ milliseconds }) => `${milliseconds.toFixed(3)} ms`)
  const same = avg.report[rows].every(({ bits }, i) => bits === last.report[rows][i].bits)
  const gain = last.accuracy - avg.accuracy
  console.log(
    same
      ? '  Both weightings choose the same bits here.\n'
      : `  Measured: LAST_LAYER is ${gain === 0 ? 'as accurate as' : `${Math.abs(gain).toFixed(1)} points ${gain > 0 ? 'above' : 'below'}`} AVG here.\n`,
  )
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
