// What the pictures say, and that they say it without a browser: the markup that a screen reader and a search see first.
import { renderToStaticMarkup } from 'react-dom/server'
import { describe, expect, test } from 'vitest'
import { activationHeat, chosenBits, layerHeat, panelOf, weightBits } from '../report/from-record.ts'
import { BitsByDepth, bitsSummary } from './bits-by-depth.tsx'
import { DistanceHeatMap, distanceSummary, distancesAt } from './distance-heat-map.tsx'
import { Facts, factsOf } from './facts.tsx'
import { frontierSummary } from './frontier-plot.tsx'
import { histogramSummary } from './histogram.tsx'
import { pathThrough } from './network-edge.tsx'
import { graphSummary } from './network-graph.tsx'
import { findNodes } from './network-search.tsx'
import { NodePanel } from './node-panel.tsx'
import { sampleSummary } from './output-sample-plot.tsx'
import { starvedRun as run } from './record.fixture.ts'
import { RoundingSteps, roundingSummary } from './rounding-steps.tsx'
import { scheduleSummary } from './schedule-chart.tsx'
import { heatSummary, SensitivityHeatMap } from './sensitivity-heat-map.tsx'
import { similaritySummary } from './similarity-plot.tsx'
import { timingsSummary } from './timings.tsx'
import { Warnings } from './warnings.tsx'
import { WeightingTable, weightingSummary } from './weighting-table.tsx'

/** The text of markup, without tags. */
const textOf = (markup: string) => markup.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ')

describe('bits by depth', () => {
  test('stand side by side, with the starved layer marked in words', () => {
    const markup = renderToStaticMarkup(<BitsByDepth {...weightBits(run)} />)
    expect(textOf(markup)).toContain('net/last: AVG 2 bits, LAST_LAYER 4 bits, starved')
    expect(textOf(markup)).toContain('1 starved output layer under AVG: net/last has 2 bits')
    expect(markup.match(/class="pic-changed"/g)).toHaveLength(2)
    expect(markup.match(/pic-bar pic-starved"/g)).toHaveLength(1)
  })

  test('are summed up by width', () => {
    expect(bitsSummary(weightBits(run))).toBe(
      'Bits of 3 layers in the order of the network. AVG: 1 with 8 bits, 1 with 4 bits and 1 with 2 bits, starved before an output: net/last. LAST_LAYER: 3 with 4 bits. They differ at 2.',
    )
  })
})

describe('the sensitivity heat map', () => {
  test('has every number in a cell, and says which was chosen', () => {
    const text = textOf(renderToStaticMarkup(<SensitivityHeatMap rows={layerHeat(run)} />))
    expect(text).toContain('first 0.00100 chosen 0.0100 0.100')
    expect(text).toContain('last 1.00·10⁻⁴ 0.00100 0.00500 chosen')
  })

  test('names the layers that matter', () => {
    expect(heatSummary(layerHeat(run))).toBe(
      'Fewest bits hurt most at net/middle (0.400 at 2 bits); of what was chosen (framed), net/middle costs most: 0.0200 at 4 bits.',
    )
    expect(heatSummary(activationHeat(run), 'activation')).toContain('net/relu costs most: 0.0300 at 4 bits')
    expect(heatSummary([{ node: 'a', chosen: 8, candidates: [{ bits: 8, sensitivity: null }] }])).toContain(
      'No layer was measured',
    )
  })
})

describe('the distances', () => {
  const { rows, points } = run.sensitivity!

  test('are those of the chosen bits, or of one width', () => {
    expect(distancesAt(rows, 'chosen', chosenBits(run))).toEqual([
      [0.01 / 8, 0.02 / 8, 0.03 / 8],
      [0, 0.02 / 4, 0.05 / 4],
      [0, 0, 0.07 / 2],
    ])
    expect(distancesAt(rows, 3)).toEqual([1, 2, 3].map(() => [null, null, null]))
  })

  test('name the largest one, and what cannot move', () => {
    expect(distanceSummary(rows, points, distancesAt(rows, 2))).toBe(
      'Largest distance: net/last moves net/last by 0.0350. 33 % of the pairs do not move, since the point lies before the layer.',
    )
    const markup = renderToStaticMarkup(<DistanceHeatMap sensitivity={run.sensitivity!} chosen={chosenBits(run)} />)
    expect(markup.match(/<rect/g)).toHaveLength(6 + 1)
    expect(markup).toContain('tabindex="0"')
  })
})

test('the panel of a node says what it got, what it could have had, and why', () => {
  const text = textOf(renderToStaticMarkup(<NodePanel {...panelOf(run, 'net/last')!} />))
  expect(text).toContain('Starved: so few bits right before y can ruin that output')
  expect(text).toContain('8 bits would cost 36 bytes')
  expect(text).toMatch(/2 bits bits ← chosen 18 B 58 B 0\.00500 0\.500 k-means/)
  expect(textOf(renderToStaticMarkup(<NodePanel {...panelOf(run, 'net/relu')!} />))).toMatch(
    /No quantized weights.*quantized to 4 bits/,
  )
  expect(panelOf(run, 'nobody')).toBe(null)
})

test('a histogram says its range, its threshold and its points', () => {
  const [histogram, grid] = [run.weightHistograms[0]!, run.candidateGrids[0]![1]!]
  expect(histogramSummary({ histogram, grid })).toBe(
    'Histogram of 72 float weights from −0.600 to 0.600, with the grid of 4 bits (k-means): threshold 0.500, 16 points from −0.500 to 0.500.',
  )
})

test('the frontier says where the choice lies and what a little more would buy', () => {
  const chosen = [{ name: 'chosen', weightsMemory: 126, sensitivity: 0.026 }]
  expect(frontierSummary({ points: run.frontier, chosen, floatBytes: 864 })).toBe(
    '4 best trades from 54 B (6.3 % of float, sensitivity 0.505) to 216 B (25.0 %, 0.00310). chosen: 126 B (14.6 %), sensitivity 0.0260; 4 B more would take it to 0.0200.',
  )
  expect(frontierSummary({ points: [], chosen, floatBytes: 864 })).toContain('no curve')
})

test('an output sample says how far the models are apart and whether their largest values agree', () => {
  expect(sampleSummary(run.samples[0]!)).toBe(
    'y, first sample, 3 values: 13.8 dB, largest difference 1 at 1; both have their largest value at 1.',
  )
  expect(sampleSummary({ output: 'y', float: [1, 2], quantized: [2, 1] })).toContain('moved from 1 to 0')
  expect(sampleSummary({ output: 'y', float: [], quantized: [] })).toBe('y is empty.')
})

test('the schedule says where the peak is and what makes it', () => {
  expect(scheduleSummary(run.schedule!)).toBe(
    'Activation memory of one sample over 3 steps: the peak is 96 B, while net/relu runs, 66.7 % of it a.',
  )
})

test('the small ones say what is in them', () => {
  expect(roundingSummary({ steps: run.rounding })).toContain(
    '1.20 rounded to the nearest, 0.900 in the end, 1.33 times less',
  )
  expect(textOf(renderToStaticMarkup(<RoundingSteps steps={run.rounding} />))).toContain('0.900 ÷ 1.33')
  expect(timingsSummary({ timings: run.timings })).toBe('4.3 s in all, most of it sensitivity (4.2 s).')
  expect(similaritySummary({ similarity: run.similarity })).toContain('least 6.2 dB behind net/last')
})

test('the weightings say which is best and which starve', () => {
  expect(weightingSummary({ weightings: run.weightings, chosen: 'AVG' })).toBe(
    'LAST_LAYER has the least measured output loss (0.0200; AVG: 0.900). AVG starves a layer right before an output.',
  )
  const simulated = run.weightings.map((one) => ({ ...one, asWritten: false }))
  expect(weightingSummary({ weightings: simulated, chosen: 'AVG' })).toContain('before the repair through the model')
  const taken: string[] = []
  const markup = renderToStaticMarkup(
    <WeightingTable weightings={run.weightings} chosen="AVG" onTake={(method) => taken.push(method)} />,
  )
  expect(textOf(markup)).toMatch(
    /AVG ← used 0\.900 6\.2 dB 75\.0 % 126 B ! starved net\/last w weights 2 bits in use LAST_LAYER 0\.0200 best/,
  )
})

test('facts have sizes with their shares and budgets, and distances', () => {
  const facts = Object.fromEntries(factsOf(run).map(({ name, value, more }) => [name, [value, ...more].join('; ')]))
  expect(facts).toEqual({
    file: '500 B; 25.0 % of 2.00 kB',
    weights: '126 B; 14.6 % of 864 B; budget 130 B',
    'activations at the peak': '96 B',
    'on the wire': '400 B under brotli; 420 B under gzip',
    'y, against float': '6.2 dB; 75.0 % top-1 agreement; cosine 0.99000',
    'y, file against simulation': 'identical',
  })
  expect(textOf(renderToStaticMarkup(<Facts report={run} />))).toContain('budget 130 B')
})

test('a starved output layer is an alarm before all other warnings', () => {
  const markup = renderToStaticMarkup(<Warnings warnings={run.warnings} outputLayers={run.outputLayers} />)
  expect(textOf(markup)).toMatch(
    /1 starved output layer net\/last, the last layer .* LAST_LAYER gives it 4 bits .* 1 warning The sensitivity uses 4 samples/,
  )
  const silent = renderToStaticMarkup(<Warnings warnings={[]} outputLayers={run.outputLayers} />)
  expect(textOf(silent)).toContain('net/last, the last layer before output y, has 2 bits')
  expect(renderToStaticMarkup(<Warnings warnings={[]} />)).toBe('')
})

describe('the network', () => {
  test('is searched by name and operator, whatever the case', () => {
    expect(findNodes(run.network, 'CONV')).toEqual(['net/first', 'net/middle', 'net/last'])
    expect(findNodes(run.network, ' relu')).toEqual(['net/relu'])
    expect(findNodes(run.network, ' ')).toEqual([])
  })

  test('is summed up', () => {
    expect(graphSummary({ nodes: run.network, bits: [8, 4, 2], starved: ['net/last'] })).toBe(
      '4 nodes, 3 with quantized weights of 2 to 8 bits. Starved before an output: net/last.',
    )
  })

  test('has lines that begin and end where the layout says', () => {
    expect(
      pathThrough([
        { x: 0, y: 0 },
        { x: 0, y: 10 },
      ]),
    ).toBe('M0,0L0,10')
    expect(
      pathThrough([
        { x: 0, y: 0 },
        { x: 4, y: 5 },
        { x: 8, y: 10 },
      ]),
    ).toBe('M0,0Q4,5 6,7.5L8,10')
    expect(pathThrough([])).toBe('')
  })
})

test('a name that looks like markup is text', () => {
  const evil = '<img src=x onerror=alert(1)>'
  const markup = renderToStaticMarkup(
    <BitsByDepth nodes={[evil]} choices={[{ name: evil, bits: [4], starved: [evil] }]} />,
  )
  expect(markup).not.toContain('<img')
})
