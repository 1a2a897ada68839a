// What error-compensating rounding, tables of levels and all widths buy at equal file bytes, beside nearest rounding on
// 8, 4 and 2 bits with AVG (what MCT does).
// `node bench/rounding.mjs [model ...] [--budgets 0.125,0.1] [--equal weights] [--target onnxruntime-cpu] [--samples 1000] [--method AVG] [--images 32] [--coupling on]`
// Calibration inputs are not scored. `--equal weights`: Mixbit has the budget on its weights instead of the file bytes of the other.
// Where the other cannot reach the budget (its least width is 2 bits), Mixbit stands alone, with the budget on its weights.
import { parseArgs } from 'node:util'
import { quantize, targetPlatform } from '@mixbit/core'
import { onnx } from '@mixbit/onnx'
import { distances } from '@mixbit/sensitivity'
import { mctWeights, modelBytes, scoring, sharedIsThere } from './models.mjs'

if (!sharedIsThere) {
  console.log('The shared models are not here: nothing was measured.')
  process.exit(0)
}
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    budgets: { type: 'string', default: '0.1875,0.125,0.11,0.10,0.09,0.08,0.0625' },
    target: { type: 'string', default: 'onnxruntime-cpu' },
    method: { type: 'string', default: 'AVG' },
    images: { type: 'string' },
    equal: { type: 'string', default: 'file' },
    samples: { type: 'string' },
    coupling: { type: 'string', default: 'measured' },
  },
})
const couplings = { measured: 'measured', on: true, off: false }
const adapter = onnx({ threads: 1 })
const platform = targetPlatform(values.target)
const like = { ...platform, weights: mctWeights }

/** KL divergence of a row: of probabilities where it is some, else of the softmax of logits. */
const divergence = (data) =>
  data.every((x) => x >= 0) && Math.abs(data.reduce((a, b) => a + b, 0) - 1) < 1e-3 ? distances.kl : distances.klLogits

/** Share of rows of the first output whose largest element is the float model's, their mean KL divergence, and the labels that are hit. */
async function score(artifact, test, float) {
  const session = await adapter.open(artifact)
  const winners = []
  const outputs = []
  for (const { feed } of test) {
    const [output] = (await session.run(feed)).values()
    const width = output.shape.findLast((n) => n !== 1) ?? 1
    const rows = []
    for (let at = 0; at < output.data.length; at += width) {
      const row = output.data.subarray(at, at + width)
      rows.push(row.indexOf(row.reduce((a, b) => Math.max(a, b))))
    }
    winners.push(rows)
    outputs.push({ ...output, data: Float32Array.from(output.data) })
  }
  await session.dispose()
  const agreed = float && winners.flatMap((rows, i) => rows.map((row, k) => row === float.winners[i][k]))
  const right = test.flatMap(({ label }, i) => (label === undefined ? [] : [winners[i].at(-1) === label]))
  const percent = (list) => (list?.length ? ((100 * list.filter(Boolean).length) / list.length).toFixed(2) : '-')
  const rowAxis = (shape) => shape.findLastIndex((n) => n !== 1)
  const apart = float?.outputs.map(({ data, shape }, i) =>
    divergence(data)(data, outputs[i].data, shape, rowAxis(shape)),
  )
  const kl = apart ? (apart.reduce((sum, x) => sum + x, 0) / apart.length).toFixed(4) : '-'
  return { winners, outputs, kl, agreement: percent(agreed), top1: percent(right) }
}

console.log(
  'model          budget  file bytes: like MCT / Mixbit    top-1: float / like MCT / Mixbit   agreement: like MCT / Mixbit   KL: like MCT / Mixbit   CPU s',
)
for (const name of positionals.length > 0 ? positionals : Object.keys(scoring)) {
  const { calibration, test } = await scoring[name](values.samples && Number(values.samples))
  const source = modelBytes(name)
  const float = await score(await adapter.write(await adapter.read(source)), test, null)
  const run = (options) =>
    quantize(source, { adapter, representativeDataset: calibration.map(({ feed }) => feed), ...options })
  for (const budget of values.budgets.split(',').map(Number))
    try {
      const weightsMemory = `${100 * budget}%`
      const peer = await run({
        targetPlatform: like,
        targetResourceUtilization: { weightsMemory },
        coreConfig: { quantizationConfig: { weightsRounding: 'nearest' }, mixedPrecisionConfig: { numOfImages: 32 } },
      }).catch((error) => {
        if (error.code !== 'BUDGET_INFEASIBLE') throw error
        return null
      })
      const equalFile = peer && values.equal === 'file'
      const start = process.cpuUsage()
      const ours = await run({
        targetPlatform: platform,
        targetResourceUtilization: equalFile ? { fileSize: peer.report.bytes } : { weightsMemory },
        coreConfig: {
          quantizationConfig: { weightsChannelCoupling: couplings[values.coupling] },
          mixedPrecisionConfig: {
            distanceWeightingMethod: values.method,
            ...(values.images && { numOfImages: Number(values.images) }),
          },
        },
      })
      const { user, system } = process.cpuUsage(start)
      const theirs = peer ? await score(peer.artifact, test, float) : { top1: '-', agreement: '-', kl: '-' }
      const own = await score(ours.artifact, test, float)
      console.log(
        [
          name.padEnd(14),
          String(budget).padEnd(7),
          `${peer?.report.bytes ?? '-'} / ${ours.report.bytes}`.padEnd(32),
          `${float.top1} / ${theirs.top1} / ${own.top1}`.padEnd(33),
          `${theirs.agreement} / ${own.agreement}`.padEnd(30),
          `${theirs.kl} / ${own.kl}`.padEnd(33),
          ((user + system) / 1e6).toFixed(1).padStart(6),
        ].join(' '),
      )
    } catch (error) {
      console.log(`${name.padEnd(14)} ${String(budget).padEnd(7)} ${error.code ?? error.name}: ${error.message}`)
    }
}
