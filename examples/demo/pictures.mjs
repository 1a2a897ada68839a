// The pictures of docs/explanation/distance-weighting.md, from a real sweep of the model that ships with the project:
// `node examples/demo/pictures.mjs` writes them to docs/pictures.
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { analyze, compareWeightings, targetPlatform, withWeightBits } from '@mixbit/core'
import { onnx } from '@mixbit/onnx'
import { heatMap, lines } from './chart.mjs'
import { calibration, modelBytes } from './demo.mjs'

const methods = ['AVG', 'LAST_LAYER', 'EXP', 'HESSIAN', 'OUTPUT']
const mean = (values) => values.reduce((sum, x) => sum + x, 0) / values.length
/** A hundred times the distance, in two digits. */
const short = (x) => (x === 0 ? '0' : `${Number((100 * x).toPrecision(2))}`)

/** The pictures as SVG text, by file name. */
export async function pictures() {
  const options = {
    adapter: onnx({ threads: 1 }),
    representativeDataset: calibration(),
    targetPlatform: withWeightBits(targetPlatform('weights-only'), [8, 4, 2]),
  }
  // The pictures are of weightings: the plainest rounding shows them best.
  const quantizationConfig = { weightsRounding: 'nearest' }
  const analyses = []
  for (const distanceWeightingMethod of methods)
    analyses.push(
      await analyze(modelBytes(), {
        ...options,
        // The same samples for all of them.
        coreConfig: { quantizationConfig, mixedPrecisionConfig: { distanceWeightingMethod, numOfImages: 32 } },
      }),
    )
  const choices = await compareWeightings(modelBytes(), {
    ...options,
    targetResourceUtilization: { weightsMemory: '12%' },
    coreConfig: { quantizationConfig },
  })
  return new Map([
    ['distances.svg', distances(analyses[0])],
    ['sensitivity.svg', sensitivity(analyses)],
    ['bits.svg', bits(choices)],
  ])
}

/** Of every candidate list the one with 2 bits. */
const narrow = (layer) => layer.candidates.findIndex(({ bits }) => bits === 2)

/** Every layer at 2 bits, alone: how far each point and the output move. */
function distances({ table }) {
  const columns = [...table.points.map(({ node }) => node), 'output', 'mean', 'last']
  const values = table.layers.map((layer) => {
    const { points, outputs } = layer.candidates[narrow(layer)]
    const atPoints = points.map(mean)
    return [...atPoints, ...outputs.map(mean), mean(atPoints), atPoints.at(-1)]
  })
  const most = Math.max(...values.flat())
  return heatMap({
    title: 'Distance at every interest point and at the output when one layer alone has 2-bit weights',
    rows: table.layers.map(({ node }) => node),
    columns,
    gaps: [table.points.length, table.points.length + 1],
    rowTitle: '2 bits for',
    columnTitle: 'distance x 100 behind',
    cells: values.map((row) => row.map((value) => ({ text: short(value), shade: Math.sqrt(value / most) }))),
  })
}

/** The 2-bit sensitivities of one weighting as shares of their sum: only their proportions count in the search. */
function sensitivity(analyses) {
  return lines({
    title: 'Sensitivity of every layer at 2 bits under each distance weighting',
    valueTitle: 'share of the summed sensitivity at 2 bits',
    places: analyses[0].layers.map(({ node }) => node),
    label: (exponent) => `${10 ** (exponent + 2)} %`,
    series: analyses.map(({ layers, scores }, i) => {
      const at2 = scores.map((row, l) => row[narrow(layers[l])])
      const sum = at2.reduce((total, x) => total + x, 0)
      return { name: methods[i], values: at2.map((x) => x / sum) }
    }),
  })
}

/** What each weighting chooses under one budget, and what that does to the output. */
function bits({ layers, choices }) {
  return heatMap({
    title: 'Bits per layer under each distance weighting, at 12 % of the float weights',
    rows: choices.map(({ method }) => method),
    columns: [...layers, 'SQNR'],
    gaps: [layers.length],
    columnTitle: 'bits of the weights, and dB at the output',
    cells: choices.map((choice) => [
      ...choice.bits.map((width) => ({ text: `${width}`, shade: (width / 8) ** 1.5 * 0.78 })),
      { text: choice.outputs[0].sqnr.toFixed(1), shade: 0 },
    ]),
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = fileURLToPath(new URL('../../docs/pictures/', import.meta.url))
  mkdirSync(folder, { recursive: true })
  for (const [name, svg] of await pictures()) writeFileSync(`${folder}${name}`, svg)
}
