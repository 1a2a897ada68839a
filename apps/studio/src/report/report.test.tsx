import { renderToStaticMarkup } from 'react-dom/server'
import { expect, test } from 'vitest'
import { starvedRun as run } from '../pictures/record.fixture.ts'
import { rivalOf, verdict, weakestLayer } from './from-record.ts'
import { Report } from './report.tsx'

const headings = (markup: string) => [...markup.matchAll(/<h2[^>]*>(.*?)<\/h2>/g)].map((match) => match[1])

test('the verdict says the size, what it cost, and the weakest spot', () => {
  expect(verdict(run)).toBe(
    'A file of 2.00 kB became 500 B (25.0 %), at 6.2 dB SQNR and 75.0 % top-1 agreement with the float model; the weakest spot is net/last with 2 bits right before an output.',
  )
  expect(verdict({ ...run, bytes: null, distances: { toFloat: [], toSimulation: [] }, outputLayers: [] })).toBe(
    'Weights of 864 B became 126 B (14.6 %); the weakest spot is net/middle with 4 bits.',
  )
  expect(verdict({ ...run, mixedPrecision: false, outputLayers: [] })).toBe(
    'A file of 2.00 kB became 500 B (25.0 %), at 6.2 dB SQNR and 75.0 % top-1 agreement with the float model.',
  )
})

test('a starved layer is the weakest one, else the layer that costs most', () => {
  expect(weakestLayer(run)).toBe('net/last')
  expect(weakestLayer({ ...run, outputLayers: [] })).toBe('net/middle')
  expect(weakestLayer({ ...run, outputLayers: [], layers: [] })).toBe(null)
})

test('AVG stands beside LAST_LAYER, every other beside the best', () => {
  expect(rivalOf(run)?.method).toBe('LAST_LAYER')
  expect(rivalOf({ ...run, distanceWeightingMethod: 'LAST_LAYER' })?.method).toBe('AVG')
  expect(rivalOf({ ...run, weightings: [] })).toBe(null)
  const same = run.weightings.map((one) => ({ ...one, bits: [8, 4, 2] }))
  expect(rivalOf({ ...run, weightings: same })).toBe(null)
})

test('a report has a section for whatever the run has, warnings first, and a link to each', () => {
  const markup = renderToStaticMarkup(<Report record={run} />)
  expect(headings(markup)).toEqual([
    'Sizes and distances',
    'Bits along the depth',
    'The network',
    'Sensitivity',
    'Where the distances arise',
    'What more bytes would buy',
    'Distance weightings',
    'Outputs on a sample',
    'Node by node',
    'Activation memory',
    'What the rounding bought',
    'Time',
  ])
  expect(markup.indexOf('starved output layer')).toBeLessThan(markup.indexOf('<nav'))
  for (const [, id] of markup.matchAll(/href="#(.*?)"/g)) expect(markup).toContain(`<section id="${id}"`)
})

test('a run without a sweep, activations or a schedule leaves those sections out', () => {
  const layers = run.layers.map((layer) => ({
    ...layer,
    sensitivity: null,
    candidates: layer.candidates.map((candidate) => ({ ...candidate, sensitivity: null })),
  }))
  const plain = {
    ...run,
    mixedPrecision: false,
    layers,
    activations: [],
    network: run.network.map((node) => ({ ...node, activation: null })),
    sensitivity: null,
    frontier: [],
    weightings: [],
    outputLayers: [],
    warnings: [],
    rounding: [],
    similarity: [],
    schedule: null,
    timings: {},
  }
  expect(headings(renderToStaticMarkup(<Report record={plain} />))).toEqual([
    'Sizes and distances',
    'Bits along the depth',
    'The network',
    'Outputs on a sample',
  ])
})
