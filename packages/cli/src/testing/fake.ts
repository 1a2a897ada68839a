import { readFile } from 'node:fs/promises'
import type { QuantizeReport } from '@mixbit/core'
import type { Backend, FileAdapter } from '../backend.ts'
import type { Io } from '../io.ts'
import { type Graph, MixbitError, type Tensors, type Value } from '../mixbit.ts'

/** A graph of the given values; no nodes. */
export function graphOf(inputs: readonly Value[], outputs: readonly Value[] = [], nodes: Graph['nodes'] = []): Graph {
  const values = new Map([...inputs, ...outputs].map((value) => [value.id, value]))
  return { name: 'fake', inputs: inputs.map((v) => v.id), outputs: outputs.map((v) => v.id), nodes, values, meta: {} }
}

/** A model file is the text `gain 0.5`: scores = x * gain, with the first score at 1 - gain more. */
const adapter: FileAdapter = {
  name: 'fake',
  capabilities: { weights: new Set(), weightBits: [8], activationBits: [] },
  async read(source) {
    const text = typeof source === 'string' ? await readFile(source, 'utf8') : new TextDecoder().decode(source)
    if (!text.startsWith('gain '))
      throw new MixbitError('MODEL_UNREADABLE', 'This is no model.', { hint: 'Give a model.' })
    const shape = ['N', 3]
    return {
      ...graphOf([{ id: 'x', dtype: 'f32', shape }], [{ id: 'scores', dtype: 'f32', shape }]),
      meta: { gain: Number(text.slice(5)) },
    }
  },
  compile: async (graph) => session(graph.meta.gain as number),
  open: async (artifact) => session(Number(new TextDecoder().decode(artifact as Uint8Array).slice(5))),
}

function session(gain: number) {
  return {
    async run(feeds: Tensors): Promise<Tensors> {
      const x = feeds.get('x')!
      const data = Float32Array.from(x.data as Float32Array, (value, i) => value * gain + (i === 0 ? 1 - gain : 0))
      return new Map([['scores', { ...x, data }]])
    },
    dispose: async () => {},
  }
}

type Quantize = Backend['core']['quantize']
const layer = {
  node: 'conv1',
  kind: 'conv',
  shape: [8, 3, 3, 3],
  bits: 4,
  bytes: 108,
  floatBytes: 864,
  sensitivity: 0.0123,
  candidates: [],
  reason: '8 bits would cost 108 bytes',
}

/** A report as `quantize` gives it, for one layer. */
export const fakeReport = {
  model: 'fake',
  targetPlatform: 'weights-only',
  mixedPrecision: true,
  distanceWeightingMethod: 'AVG',
  layers: [layer],
  activations: [],
  budget: {
    weightsMemory: 216,
    fileSize: null,
    transferSize: null,
    activationMemory: null,
    totalMemory: null,
    bops: null,
  },
  utilization: {
    weightsMemory: 108,
    fileSize: 8,
    transferSize: null,
    activationMemory: null,
    totalMemory: null,
    bops: null,
  },
  floatUtilization: { weightsMemory: 864, fileSize: 2000, transferSize: null },
  predictedBytes: 8,
  bytes: 8,
  transferBytes: null,
  outputLayers: [],
  weightings: [],
  interactions: null,
  remeasured: null,
  rounding: [],
  corrections: [],
  similarity: [],
  schedule: null,
  distances: {
    toFloat: [{ output: 'scores', sqnr: 20, cosine: 0.99, mse: 0.001, top1Agreement: 1 }],
    toSimulation: [],
  },
  solver: { status: 'optimal', objective: 0.0123, bound: 0.0123, gap: 0 },
  sensitivitySamples: 13,
  warnings: ['beware'],
  timings: {},
} satisfies QuantizeReport

/** Streams that are kept, a Ctrl-C that can be pressed, and a backend whose `quantize` is the test's own. */
export function fakeIo(
  quantize: (options: Parameters<Quantize>[1]) => Promise<unknown> = async () => ({
    artifact: new TextEncoder().encode('gain 0.5'),
    report: fakeReport,
  }),
) {
  const seen = { stdout: '', stderr: '', exits: [] as number[] }
  const handlers = new Set<() => void>()
  const io: Io = {
    stdout: (text) => {
      seen.stdout += text
    },
    stderr: (text) => {
      seen.stderr += text
    },
    isTTY: false,
    columns: 80,
    onInterrupt: (handler) => {
      handlers.add(handler)
      return () => void handlers.delete(handler)
    },
    exit: (code) => void seen.exits.push(code),
    load: async () => {
      const core = await import('@mixbit/core')
      return {
        adapter,
        core: {
          ...core,
          // Nothing was quantized, so there is no more to tell.
          runRecord: (async ({ report }: { report: unknown }) => report) as unknown as typeof core.runRecord,
          quantize: ((_source: unknown, options: Parameters<Quantize>[1]) => quantize(options)) as unknown as Quantize,
        },
      }
    },
  }
  return { io, seen, press: () => [...handlers].map((handler) => handler()) }
}
