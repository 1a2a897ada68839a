import { type DType, f32ToF16, type Graph, MixbitError, sizeOf, type Tensor, type TensorData } from '@mixbit/graph'
import { isArrayDType, zeros } from './arrays.ts'
import { resolveShape } from './shapes.ts'
import type { Found, InputSpec } from './types.ts'

/** What random inputs are drawn from. */
export interface RandomOptions {
  readonly samples: number
  /** Default 0. */
  readonly seed?: number
  /** Integers, both ends included; default: 0 to the rows of the embedding that reads the input, else 0 to 1. */
  readonly inputRange?: readonly [number, number]
  readonly inputShapes?: ReadonlyMap<string, readonly number[]>
}

/** Seeded samples by shape and element type: floats from a standard normal distribution, integers uniform. */
export function randomSamples(graph: Graph, specs: readonly InputSpec[], options: RandomOptions): Found[] {
  const random = mulberry32(options.seed ?? 0)
  const plans = specs.map((spec) => ({
    spec,
    shape: resolveShape(spec, options.inputShapes),
    range: options.inputRange ?? ([0, embeddingRows(graph, spec.name) - 1] as const),
  }))
  return Array.from({ length: options.samples }, (_, i) => ({
    name: String(i),
    tensors: new Map(plans.map(({ spec, shape, range }) => [spec.name, draw(spec, shape, range, random)])),
  }))
}

function draw(
  spec: InputSpec,
  shape: readonly number[],
  range: readonly [number, number],
  random: () => number,
): Tensor {
  if (!isArrayDType(spec.dtype))
    throw new MixbitError('DATA_MISMATCH', `Input "${spec.name}" is ${spec.dtype}, which cannot be drawn at random.`, {
      hint: 'Give real data.',
    })
  const data = zeros(spec.dtype, sizeOf(shape)) as Record<number, number | bigint> & TensorData
  for (let i = 0; i < data.length; i++) data[i] = one(spec.dtype, range, random)
  return { dtype: spec.dtype, shape, data }
}

function one(dtype: DType, [low, high]: readonly [number, number], random: () => number): number | bigint {
  if (dtype === 'f32' || dtype === 'f64') return normal(random)
  if (dtype === 'f16') return f32ToF16(Float32Array.of(normal(random)))[0]!
  if (dtype === 'bool') return random() < 0.5 ? 0 : 1
  const integer = low + Math.floor(random() * (high - low + 1))
  return dtype === 'i64' || dtype === 'u64' ? BigInt(integer) : integer
}

/** Rows of the smallest table that the input indexes, also through nodes that only move or cast it; 2 when there is none. */
export function embeddingRows(graph: Graph, input: string): number {
  const reached = new Set([input])
  const rows: number[] = []
  for (const node of graph.nodes) {
    if (!node.inputs.some((id) => id !== null && reached.has(id))) continue
    const table =
      node.kind === 'embedding' || node.kind === 'gather' ? graph.values.get(node.inputs[0] ?? '')?.shape : undefined
    const axis = typeof node.attrs.axis === 'number' ? node.attrs.axis : 0
    const extent =
      table && !reached.has(node.inputs[0] ?? '') ? table[axis < 0 ? axis + table.length : axis] : undefined
    if (typeof extent === 'number') rows.push(extent)
    else if (node.preserving || node.kind === 'identity' || node.kind === 'reshapeLike' || node.op === 'Cast')
      for (const id of node.outputs) if (id !== null) reached.add(id)
  }
  return rows.length ? Math.min(...rows) : 2
}

/** Box and Muller's transform of two uniform numbers. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

/** Tommy Ettinger's mulberry32: 32 bits of state, uniform in [0, 1). */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
