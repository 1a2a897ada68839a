import type { RunRecord } from '@mixbit/core'

const none = {
  weightsMemory: null,
  fileSize: null,
  transferSize: null,
  activationMemory: null,
  totalMemory: null,
  bops: null,
}

const layer = (node: string, bits: number, sensitivities: readonly [number, number, number]) => ({
  node,
  kind: 'conv',
  shape: [4, 2, 3, 3],
  bits,
  bytes: 9 * bits,
  floatBytes: 288,
  sensitivity: sensitivities[[8, 4, 2].indexOf(bits)]!,
  candidates: [8, 4, 2].map((width, i) => ({
    bits: width,
    bytes: 9 * width,
    fileBytes: 9 * width + 40,
    sensitivity: sensitivities[i]!,
  })),
  reason: '8 bits would cost 36 bytes and change the sensitivity by -0.00900',
})

const end = (bits: number) => ({ output: 'y', node: 'net/last', bits, activationBits: null, starved: bits <= 2 })
const outputs = (sqnr: number) => [{ output: 'y', sqnr, cosine: 0.99, mse: 0.01, top1Agreement: 0.75 }]
const grids = [8, 4, 2].map((bits) => ({
  bits,
  threshold: 0.5,
  scheme: bits === 8 ? 'symmetric' : 'kMeans',
  points: bits === 8 ? null : Array.from({ length: 2 ** bits }, (_, i) => -0.5 + i / (2 ** bits - 1)),
}))

/** A small run by hand in which AVG starves the last of three layers, and LAST_LAYER does not. */
export const starvedRun: RunRecord = {
  format: 'mixbit-run',
  version: 1,
  model: 'tiny',
  targetPlatform: 'onnxruntime-cpu',
  mixedPrecision: true,
  distanceWeightingMethod: 'AVG',
  layers: [
    layer('net/first', 8, [0.001, 0.01, 0.1]),
    layer('net/middle', 4, [0.002, 0.02, 0.4]),
    layer('net/last', 2, [0.0001, 0.001, 0.005]),
  ],
  activations: [
    {
      value: 'net/relu',
      values: ['net/relu'],
      fused: [],
      bits: 4,
      sensitivity: 0.03,
      candidates: [
        { bits: 8, sensitivity: 0.0003 },
        { bits: 4, sensitivity: 0.03 },
      ],
    },
  ],
  budget: { ...none, weightsMemory: 130 },
  utilization: { ...none, weightsMemory: 126, activationMemory: 96 },
  floatUtilization: { weightsMemory: 864, fileSize: 2000, transferSize: null },
  predictedBytes: 500,
  bytes: 500,
  transferBytes: { gzip: 420, brotli: 400 },
  outputLayers: [end(2)],
  weightings: [
    {
      method: 'AVG',
      bits: [8, 4, 2],
      activationBits: [4],
      sensitivity: 0.026,
      weightsMemory: 126,
      outputLayers: [end(2)],
      asWritten: true,
      outputs: outputs(6.2),
      outputLoss: 0.9,
    },
    {
      method: 'LAST_LAYER',
      bits: [4, 4, 4],
      activationBits: [4],
      sensitivity: 0.031,
      weightsMemory: 108,
      outputLayers: [end(4)],
      asWritten: true,
      outputs: outputs(16.7),
      outputLoss: 0.02,
    },
  ],
  interactions: null,
  remeasured: null,
  rounding: [
    { step: 'nearest', outputLoss: 1.2 },
    { step: 'repairedThroughModel', outputLoss: 0.9 },
  ],
  corrections: [],
  similarity: [
    { node: 'net/first', value: 'a', sqnr: 30, cosine: 1, mse: 0 },
    { node: 'net/last', value: 'y', sqnr: 6.2, cosine: 1, mse: 0 },
  ],
  schedule: {
    steps: [
      { node: 'net/first', bytes: 64 },
      { node: 'net/relu', bytes: 96 },
      { node: 'net/last', bytes: 40 },
    ],
    peak: {
      node: 'net/relu',
      bytes: 96,
      tensors: [
        { value: 'a', bits: 32, bytes: 64 },
        { value: 'net/relu', bits: 4, bytes: 32 },
      ],
    },
  },
  distances: { toFloat: outputs(6.2), toSimulation: [{ output: 'y', sqnr: 200, cosine: 1, mse: 0, top1Agreement: 1 }] },
  solver: { status: 'optimal', objective: 0.026, bound: 0.026, gap: 0 },
  sensitivitySamples: 4,
  warnings: [
    'The sensitivity uses 4 samples: numOfImages is 32, but there are no more.',
    'net/last, the last layer before output y, has 2 bits, which can ruin that output. AVG chose so, and the output has 6.2 dB SQNR; at the same budget LAST_LAYER gives it 4 bits (16.7 dB).',
  ],
  timings: { prepared: 100, sensitivity: 4200 },
  network: [
    {
      id: 'net/first',
      op: 'Conv',
      kind: 'conv',
      inputs: [],
      shape: ['N', 4, 8, 8],
      macs: 4608,
      layer: 0,
      activation: null,
    },
    {
      id: 'net/relu',
      op: 'Relu',
      kind: 'activation',
      inputs: ['net/first'],
      shape: null,
      macs: null,
      layer: null,
      activation: 0,
    },
    {
      id: 'net/middle',
      op: 'Conv',
      kind: 'conv',
      inputs: ['net/relu'],
      shape: null,
      macs: null,
      layer: 1,
      activation: null,
    },
    {
      id: 'net/last',
      op: 'Conv',
      kind: 'conv',
      inputs: ['net/middle'],
      shape: null,
      macs: null,
      layer: 2,
      activation: null,
    },
  ],
  sensitivity: {
    points: ['net/first', 'net/middle', 'net/last'].map((node) => ({ node, value: node })),
    outputs: [{ node: 'net/last', value: 'y' }],
    rows: [
      ['net/first', [0.01, 0.02, 0.03]],
      ['net/middle', [0, 0.02, 0.05]],
      ['net/last', [0, 0, 0.07]],
    ].map(([node, points]) => ({
      node: node as string,
      candidates: [8, 4, 2].map((bits) => ({
        bits,
        points: (points as number[]).map((x) => x / bits),
        outputs: [0.1],
        losses: [0.1],
      })),
    })),
  },
  frontier: [
    { weightsMemory: 54, sensitivity: 0.505, bits: [2, 2, 2] },
    { weightsMemory: 126, sensitivity: 0.026, bits: [8, 4, 2] },
    { weightsMemory: 130, sensitivity: 0.02, bits: [8, 4, 4] },
    { weightsMemory: 216, sensitivity: 0.0031, bits: [8, 8, 8] },
  ],
  weightHistograms: [1, 2, 3].map(() => ({ min: -0.6, max: 0.6, counts: [2, 34, 34, 2] })),
  candidateGrids: [grids, grids, grids],
  samples: [{ output: 'y', float: [1, 5, -2], quantized: [1.5, 4, -2] }],
}
