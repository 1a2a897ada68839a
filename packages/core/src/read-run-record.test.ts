import { expect, test } from 'vitest'
import { readRunRecord } from './read-run-record.ts'
import { reportPage } from './report-page.ts'
import type { RunRecord } from './run-record.ts'

const none = {
  weightsMemory: null,
  fileSize: null,
  transferSize: null,
  activationMemory: null,
  totalMemory: null,
  bops: null,
}

/** A run of one layer without a sweep. */
const record: RunRecord = {
  format: 'mixbit-run',
  version: 1,
  model: 'tiny </script><script>alert(1)</script><!--',
  targetPlatform: 'weights-only',
  mixedPrecision: false,
  distanceWeightingMethod: 'AVG',
  layers: [
    {
      node: 'dense',
      kind: 'dense',
      shape: [3, 2],
      bits: 8,
      bytes: 6,
      floatBytes: 24,
      sensitivity: null,
      candidates: [{ bits: 8, bytes: 6, fileBytes: 40, sensitivity: null }],
      reason: 'no budget: the base candidate',
    },
  ],
  activations: [],
  budget: none,
  utilization: { ...none, weightsMemory: 6 },
  floatUtilization: { weightsMemory: 24, fileSize: 400, transferSize: null },
  predictedBytes: 300,
  bytes: 300,
  transferBytes: null,
  outputLayers: [{ node: 'dense', output: 'y', bits: 8, activationBits: null, starved: false }],
  weightings: [],
  interactions: null,
  remeasured: null,
  rounding: [],
  corrections: [],
  similarity: [],
  schedule: null,
  distances: {
    toFloat: [{ output: 'y', sqnr: 40.123456789, cosine: 0.99, mse: 1e-4, top1Agreement: null }],
    toSimulation: [],
  },
  solver: null,
  sensitivitySamples: null,
  warnings: [],
  timings: { prepared: 12 },
  network: [
    { id: 'dense', op: 'Gemm', kind: 'dense', inputs: [], shape: ['N', 2], macs: 6, layer: 0, activation: null },
  ],
  sensitivity: null,
  frontier: [{ weightsMemory: 6, sensitivity: Number.POSITIVE_INFINITY, bits: [8] }],
  weightHistograms: [{ min: -1, max: 1, counts: [3, 3] }],
  candidateGrids: [[{ bits: 8, threshold: 1, scheme: 'symmetric', points: null }]],
  samples: [{ output: 'y', float: [1, 2], quantized: [1, 2.25] }],
}

// As the command line writes it: infinite numbers as text.
const text = JSON.stringify(record, (_, value) => (value === Number.POSITIVE_INFINITY ? 'Infinity' : value))
const changed = (change: object) => JSON.stringify({ ...JSON.parse(text), ...change })

test('what was written is read again', () => {
  expect(readRunRecord(text)).toEqual(JSON.parse(text))
})

test.each([
  ['text that is no JSON', '{ "format": ', 'RUN_RECORD_INVALID', /run\.json is not JSON/],
  ['another JSON', '{ "format": "elf" }', 'RUN_RECORD_INVALID', /no run record: its "format" is "elf"/],
  ['null', 'null', 'RUN_RECORD_INVALID', /no run record/],
  ['an array', '[1, 2]', 'RUN_RECORD_INVALID', /no run record/],
  [
    'the report of an older version',
    changed({ format: undefined, network: undefined }),
    'RUN_RECORD_VERSION',
    /older Mixbit/,
  ],
  ['a record of a newer version', changed({ version: 2 }), 'RUN_RECORD_VERSION', /has version 2/],
  ['a record without its network', changed({ network: undefined }), 'RUN_RECORD_INVALID', /network: .*undefined/],
  [
    'bits of another kind',
    changed({ layers: [{ ...record.layers[0], bits: 'four' }] }),
    'RUN_RECORD_INVALID',
    /layers\.0\.bits/,
  ],
  [
    'an index that points nowhere',
    changed({ network: [{ ...record.network[0], layer: 7 }] }),
    'RUN_RECORD_INVALID',
    /node dense has layer 7 of 1/,
  ],
  [
    'one histogram too many',
    changed({ weightHistograms: [1, 2].map(() => record.weightHistograms[0]) }),
    'RUN_RECORD_INVALID',
    /weightHistograms has 2 entries for 1 layers/,
  ],
  [
    'an uneven sample',
    changed({ samples: [{ output: 'y', float: [1], quantized: [] }] }),
    'RUN_RECORD_INVALID',
    /output y has 1 and 0 values/,
  ],
])('%s is refused with a hint', (_what, broken, code, message) => {
  let error: unknown
  try {
    readRunRecord(broken, 'run.json')
  } catch (thrown) {
    error = thrown
  }
  expect(error).toMatchObject({
    name: 'MixbitError',
    code,
    message: expect.stringMatching(message),
    hint: expect.stringContaining('ixbit'),
  })
})

const template =
  '<html><div id="root"></div><script id="run" type="application/json"></script><script>main()</script></html>'

test('a page holds the run, and no name in it ends its script element', () => {
  const page = reportPage(template, record)
  const embedded = page.match(/<script id="run" type="application\/json">([^<]*)<\/script>/)![1]!
  expect(page.replace(embedded, '')).toBe(template)
  const read = readRunRecord(embedded)
  expect(read.model).toBe(record.model)
  expect(read.distances.toFloat[0]!.sqnr).toBe(40.123)
  expect(read.frontier).toEqual([{ weightsMemory: 6, sensitivity: 'Infinity' }])
})

test('a template without a place for the run is refused', () => {
  expect(() => reportPage('<html></html>', record)).toThrow(expect.objectContaining({ code: 'REPORT_TEMPLATE' }))
})
