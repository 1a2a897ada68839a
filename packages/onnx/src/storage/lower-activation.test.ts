import { type Graph, type Grid, type Node, parseGraph, type Tensors, toF32, type Value } from '@mixbit/graph'
import { describe, expect, test } from 'vitest'
import { onnx } from '../adapter.ts'
import { convNet, numbers, tensor } from '../tiny-models.ts'

const adapter = onnx({ threads: 1 })

const grid = (bits: number, signed: boolean, span = 4): Grid => ({
  bits,
  signed,
  axis: null,
  scale: Float32Array.of(span / (2 ** bits - 1)),
  zeroPoint: Int32Array.of(signed ? 0 : Math.round(2 ** bits / 3)),
})

/** The graph with a quantizer behind every input and every float value that is no output; `of` gives its grid. */
function quantized(graph: Graph, of: (index: number) => Grid): Graph {
  const values = new Map(graph.values)
  const renamed = new Map<string, string>()
  const nodes: Node[] = []
  const quantize = (ids: readonly (string | null)[]) => {
    for (const id of ids) {
      if (id === null || graph.outputs.includes(id) || values.get(id)?.dtype !== 'f32') continue
      const output = `${id}_q`
      values.set(output, { ...(values.get(id) as Value), id: output })
      const fake = { kind: 'fakeQuantize' as const, op: 'FakeQuantize', attrs: {}, weights: [], grid: of(renamed.size) }
      nodes.push({ ...fake, id: `${id}_quantize`, inputs: [id], outputs: [output] })
      renamed.set(id, output)
    }
  }
  quantize(graph.inputs)
  for (const node of graph.nodes) {
    nodes.push({ ...node, inputs: node.inputs.map((id) => (id === null ? null : (renamed.get(id) ?? id))) })
    quantize(node.outputs)
  }
  return { ...graph, values, nodes }
}

/** The graph with its weights on symmetric grids, one scale per channel. */
function withWeights(graph: Graph, bits: number): Graph {
  const values = new Map(graph.values)
  for (const { inputs, weights } of graph.nodes)
    for (const { input, axis } of weights) {
      const value = values.get(inputs[input]!)!
      const { shape } = value.tensor!
      const step = 2 ** (1 - bits)
      const data = toF32(value.tensor!).map((w) => Math.min(1 - step, Math.round(w / step) * step))
      const channels = shape[axis]!
      const scale = new Float32Array(channels).fill(step)
      const stored: Grid = { bits, signed: true, axis, scale, zeroPoint: new Int32Array(channels) }
      values.set(value.id, { ...value, tensor: { dtype: 'f32', shape, data }, stored })
    }
  return { ...graph, values }
}

/** The first output of the written file, under default options, and of the simulation. */
async function bothOf(graph: Graph, feeds: Tensors) {
  const output = graph.outputs[0]!
  const written = await adapter.open!(await adapter.write!(graph))
  const simulated = await adapter.compile(graph, [output])
  const results = [await written.run(feeds), await simulated.run(feeds)].map((run) => toF32(run.get(output)!))
  await Promise.all([written.dispose(), simulated.dispose()])
  return results as [Float32Array, Float32Array]
}

const sqnr = ([a, b]: [Float32Array, Float32Array]) => {
  const noise = a.reduce((sum, x, i) => sum + (x - b[i]!) ** 2, 0)
  return 10 * Math.log10(b.reduce((sum, x) => sum + x * x, 0) / Math.max(noise, 1e-30))
}

/** ONNX's definition, element by element: float32 division, half to even, saturation. */
function oracle(x: Float32Array, { bits, signed, scale, zeroPoint }: Grid): Float32Array {
  const low = signed ? -(2 ** (bits - 1)) : 0
  return x.map((value) => {
    const steps = Math.fround(value / scale[0]!)
    const even = Math.abs(steps % 1) === 0.5 ? 2 * Math.round(steps / 2) : Math.round(steps)
    const q = Math.min(low + 2 ** bits - 1, Math.max(low, even + zeroPoint[0]!))
    return Math.fround((q - zeroPoint[0]!) * scale[0]!)
  })
}

/** -0 and 0 are one number. */
const withoutSigns = (data: Float32Array) => data.map((x) => x + 0)

describe.each([7, 13, 17, 21, 23])('in opset %i', (opset) => {
  const alone = (g: Grid): Graph => {
    const graph = parseGraph('graph g(%x: f32[N,4096]) { %y: f32[N,4096] = identity Identity(%x) return %y }')
    return quantized({ ...graph, meta: { opsets: { '': opset }, irVersion: opset >= 21 ? 10 : 8 } }, () => g)
  }

  test.each([
    [16, false],
    [16, true],
    [8, false],
    [4, true],
  ])(
    'a quantizer of %i bits (signed: %s) gives the same bits in the file, in the simulation and by definition',
    async (bits, signed) => {
      const g = grid(bits, signed, 1.7)
      const x = { dtype: 'f32' as const, shape: [1, 4096], data: numbers(4096, bits) }
      // Exact ties, both ends, and what saturates.
      for (let i = 0; i < 64; i++) x.data[i] = (i - 32.5) * g.scale[0]!
      x.data.set([5, -5, 1e30, -1e30, 0, -0], 64)
      const expected = oracle(x.data, g)
      for (const actual of await bothOf(alone(g), new Map([['x', x]])))
        expect(withoutSigns(actual)).toEqual(withoutSigns(expected))
    },
  )

  test('a network of 16-bit activations, or of 16, 8 and 4 bits in turn, computes what was simulated', async () => {
    const model = await adapter.read(convNet(opset))
    const feeds = new Map([['x', tensor([2, 3, 8, 8], 9)]])
    const agreement = async (weightBits: number, of: (index: number) => Grid) =>
      sqnr(await bothOf(quantized(withWeights(model, weightBits), of), feeds))
    for (const signed of [true, false]) expect(await agreement(8, () => grid(16, signed, 16))).toBeGreaterThan(80)
    expect(await agreement(16, () => grid(8, false, 16))).toBeGreaterThan(80)
    expect(await agreement(8, (i) => grid([16, 8, 4][i % 3]!, false, 16))).toBeGreaterThan(30)
  })
})

test('12 bits per tensor, and 8 per channel, cannot be written', async () => {
  const graph = await adapter.read(convNet())
  const write = (of: Grid) => adapter.write!(quantized(graph, () => of))
  const code = { code: 'ONNX_ACTIVATION_GRID' }
  await expect(write(grid(12, false))).rejects.toMatchObject(code)
  await expect(write({ ...grid(8, false), axis: 1 })).rejects.toMatchObject(code)
})
