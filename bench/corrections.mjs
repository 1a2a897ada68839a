// What each correction does, with the grids of a chip that multiplies by powers of two: weights symmetric per channel at one width, activations
// powers of two at 8 bits. Model output of the quantized graph against the float model on test inputs. Options that change nothing are left out.
// `node bench/corrections.mjs [--models resnet20,ppocr_cls] [--bits 8,4] [--rounding nearest,errorCompensating] [--count 500]`
import { parseArgs } from 'node:util'
import { withSession } from '@mixbit/adapter'
import { quantize, targetPlatform, withWeightBits } from '@mixbit/core'
import { onnx } from '@mixbit/onnx'
import { modelBytes, models, scoring, sharedIsThere } from './models.mjs'

if (!sharedIsThere) {
  console.log('The shared models are not here: nothing was measured.')
  process.exit(0)
}
const { values } = parseArgs({
  options: {
    models: { type: 'string', default: 'resnet20,mobilenet_v1,squeezenet,ppocr_cls,gpt_nano_sort' },
    bits: { type: 'string', default: '8,4' },
    rounding: { type: 'string', default: 'nearest,errorCompensating' },
    count: { type: 'string', default: '500' },
  },
})
/** Nothing, MCT's correction of biases, that with one more option each, and the defaults of MCT. */
const base = { weightsBiasCorrection: true, shiftNegativeActivationCorrection: false }
const configs = {
  none: { ...base, weightsBiasCorrection: false },
  weightsBiasCorrection: base,
  '+ shiftNegativeActivationCorrection': { ...base, shiftNegativeActivationCorrection: true },
  '+ the same, shiftNegativeRatio 0.2': { ...base, shiftNegativeActivationCorrection: true, shiftNegativeRatio: 0.2 },
  '+ weightsSecondMomentCorrection': { ...base, weightsSecondMomentCorrection: true },
  '+ activationBiasCorrection': { ...base, activationBiasCorrection: true },
  '+ activationChannelEqualization': { ...base, activationChannelEqualization: true },
  '+ reluBoundToPowerOf2': { ...base, reluBoundToPowerOf2: true },
  '+ concatThresholdUpdate': { ...base, concatThresholdUpdate: true },
  '+ softmaxShift': { ...base, softmaxShift: true },
  'the defaults': {},
}

const adapter = onnx()
const samplesOf = async (name) => {
  if (scoring[name]) return scoring[name](64)
  const all = await models[name].samples(64)
  return { calibration: all.filter((_, i) => i % 2 === 0), test: all.filter((_, i) => i % 2 === 1) }
}

/** Logits of every sample, row by row. */
const outputsOf = (graph, samples) =>
  withSession(adapter, graph, [graph.outputs[0]], async (session) => {
    const rows = []
    for (const { feed } of samples) rows.push((await session.run(feed)).get(graph.outputs[0]))
    return rows
  })

function scores(quantized, float, labels) {
  let [signal, noise, same, right, rows] = [0, 0, 0, 0, 0]
  for (const [i, { data, shape }] of quantized.entries()) {
    const reference = float[i].data
    for (let k = 0; k < data.length; k++) {
      signal += reference[k] ** 2
      noise += (data[k] - reference[k]) ** 2
    }
    const width = shape.at(-1) > 1 ? shape.at(-1) : data.length
    for (let at = 0; at < data.length; at += width, rows++) {
      const best = (numbers) => numbers.indexOf(Math.max(...numbers))
      const class_ = best(data.subarray(at, at + width))
      same += class_ === best(reference.subarray(at, at + width))
      right += labels[i] !== undefined && class_ === labels[i]
    }
  }
  const percent = (n) => ((100 * n) / rows).toFixed(2)
  return {
    sqnr: (10 * Math.log10(signal / noise)).toFixed(1),
    agree: percent(same),
    top1: labels[0] === undefined ? '-' : percent(right),
  }
}

for (const name of values.models.split(',')) {
  const { calibration, test } = await samplesOf(name)
  const samples = test.slice(0, Number(values.count))
  const labels = samples.map(({ label }) => label)
  const float = await outputsOf(await adapter.read(modelBytes(name)), samples)
  console.log(`\n${name}: float top-1 ${scores(float, float, labels).top1}, ${samples.length} test inputs`)
  for (const bits of values.bits.split(',').map(Number))
    for (const weightsRounding of values.rounding.split(',')) {
      let plain
      for (const [label, quantizationConfig] of Object.entries(configs)) {
        const { artifact, graph, report } = await quantize(modelBytes(name), {
          adapter,
          representativeDataset: calibration.map(({ feed }) => feed),
          targetPlatform: withWeightBits(targetPlatform('imx500'), [bits]),
          coreConfig: { quantizationConfig: { weightsRounding, ...quantizationConfig } },
        })
        if (quantizationConfig === base) plain = artifact
        else if (plain && Buffer.compare(plain, artifact) === 0) continue
        const { sqnr, agree, top1 } = scores(await outputsOf(graph, samples), float, labels)
        const places = report.corrections.map(({ nodes }) => nodes.length).join('+')
        console.log(
          `${String(bits).padEnd(2)} ${weightsRounding.padEnd(18)} ${label.padEnd(36)} ${sqnr.padStart(6)} dB ${agree.padStart(7)} ${top1.padStart(7)} ${places}`,
        )
      }
    }
}
