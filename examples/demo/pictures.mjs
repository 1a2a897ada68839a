// The pictures of docs/explanation/distance-weighting.md, from a real sweep of the model that ships with the project:
// `node examples/demo/pictures.mjs` writes them to docs/pictures.
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { analyze, compareWeightings } from '@mixbit/core'
import { onnx } from '@mixbit/onnx'
import { heatMap, lines } from './chart.mjs'
import { calibration, modelBytes } from './demo.mjs'

const methods = ['AVG', 'LAST_LAYER', 'EXP', 'HESSIAN', 'OUTPUT']
const mean = (values) => values.reduce((sum, x) => sum + x, 0) / values.length
const short = (x) => (x === 0 ? '0' : x < 0.01 ? x.toFixed(3).replace(/^0/, '') : x.toFixed(2).replace(/^0/, ''))

/** The pictures as SVG text, by file name. */
export async function pictures() {
  const options = { adapter: onnx({ threads: 1 }), representativeDataset: calibration() }
  const analyses = []
  for (const distanceWeightingMethod of methods)
    analyses.push(
      await analyze(modelBytes(), { ...options, coreConfig: { mixedPrecisionConfig: { distanceWeightingMethod } } }),
    )
  const choices = await compareWeightings(modelBytes(), {
    ...options,
    targetResourceUtilization: { weightsMemory: '12%' },
  })
  return new Map([
    ['distances.svg', distances(analyses[0])],
    ['sensitivity.svg', sensitivity(analyses)],
    ['bits.svg', bits(choices)],
  ])
}

/** Every layer at 2 bits, alone: how far each point and the output move. */
function distances({ table }) {
  const columns = [...table.points.map(({ node }) => node), 'output', 'mean', 'last']
  const values = table.layers.map(({ candidates }) => {
    const { points, outputs } = candidates.at(-1)
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
    columnTitle: 'move the values behind',
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
    series: analyses.map(({ scores }, i) => {
      const narrow = scores.map((row) => row.at(-1))
      const sum = narrow.reduce((total, x) => total + x, 0)
      return { name: methods[i], values: narrow.map((x) => x / sum) }
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
      ...choice.bits.map((width) => ({ text: `${width}`, shade: { 8: 0.75, 4: 0.3, 2: 0.06 }[width] })),
      { text: choice.outputs[0].sqnr.toFixed(1), shade: 0 },
    ]),
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = fileURLToPath(new URL('../../docs/pictures/', import.meta.url))
  mkdirSync(folder, { recursive: true })
  for (const [name, svg] of await pictures()) writeFileSync(`${folder}${name}`, svg)
}
