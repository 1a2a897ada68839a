import { withSession } from '@mixbit/adapter'
import { type Graph, type Grid, type Node, type Tensors, toF32, verify } from '@mixbit/graph'
import { expect, test } from 'vitest'
import { tfjs } from './adapter.ts'
import { convGraph, convLayers, tensor } from './tiny-models.ts'

const adapter = tfjs()
const x: Tensors = new Map([['x', tensor([2, 8, 8, 3], 3)]])

/** The graph with a quantizer behind a value. */
function quantized(graph: Graph, id: string, grid: Grid): Graph {
  const output = `${id}_q`
  const quantizer: Node = {
    id: `${id}_quantize`,
    kind: 'fakeQuantize',
    op: 'FakeQuantize',
    inputs: [id],
    outputs: [output],
    attrs: {},
    weights: [],
    grid,
  }
  const nodes = graph.nodes.flatMap((node) => {
    const moved = { ...node, inputs: node.inputs.map((input) => (input === id ? output : input)) }
    return node.outputs.includes(id) ? [moved, quantizer] : [moved]
  })
  const result = {
    ...graph,
    nodes,
    values: new Map(graph.values).set(output, { ...graph.values.get(id)!, id: output }),
  }
  verify(result)
  return result
}

/** The definition of a grid, half to even. */
function onGrid(value: number, { bits, signed, scale, zeroPoint }: Grid): number {
  const low = signed ? -(2 ** (bits - 1)) : 0
  const steps = Math.fround(value / scale[0]!)
  const floor = Math.floor(steps)
  const rounded = steps - floor === 0.5 ? floor + (floor % 2 === 0 ? 0 : 1) : Math.round(steps)
  const q = Math.max(low, Math.min(low + 2 ** bits - 1, rounded + zeroPoint[0]!))
  return Math.fround((q - zeroPoint[0]!) * scale[0]!)
}

for (const [what, files, id] of [
  ['a graph model', convGraph(), 'relu'],
  ['a layers model', await convLayers(), 'sum'],
] as const)
  for (const [bits, signed, zero] of [
    [8, false, 37],
    [8, true, 0],
    [3, false, 2],
  ] as const)
    test(`a quantizer of ${signed ? 'i' : 'u'}${bits} in ${what} computes what its grid says, in the session and in the file`, async () => {
      const grid: Grid = { bits, signed, axis: null, scale: Float32Array.of(0.0625), zeroPoint: Int32Array.of(zero) }
      const graph = quantized(await adapter.read(files), id, grid)
      const wanted = [id, `${id}_q`, ...graph.outputs]
      const simulated = await withSession(adapter, graph, wanted, (session) => session.run(x))
      const expected = toF32(simulated.get(id)!).map((value) => onGrid(value, grid))
      expect(toF32(simulated.get(`${id}_q`)!)).toEqual(expected)
      expect(new Set(expected).size).toBeGreaterThan(4)

      const opened = await adapter.open!(await adapter.write!(graph))
      const written = await opened.run(x)
      await opened.dispose()
      for (const output of graph.outputs)
        for (const [i, y] of toF32(written.get(output)!).entries())
          expect(y).toBeCloseTo(toF32(simulated.get(output)!)[i]!, 5)
    })
