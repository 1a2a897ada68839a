import type { SquaredError } from '@mixbit/adapter'
import { type Graph, MixbitError, type Node, type Value } from '@mixbit/graph'

/**
 * Sub and ReduceSumSquare for every pair: about the price of fetching the value, and nothing crosses into JavaScript. The last pair
 * comes first: onnxruntime then runs each of them where its value is made, and not all of them at the end.
 */
export function squaredErrors(graph: Graph, pairs: readonly SquaredError[]): Graph {
  const values = new Map(graph.values)
  const nodes: Node[] = []
  const node = (op: string, inputs: string[], output: string, attrs: Node['attrs'] = {}) => {
    values.set(output, { id: output, dtype: 'f32', ...(op === 'ReduceSumSquare' && { shape: [] }) })
    nodes.push({ id: output, kind: 'opaque', op, inputs, outputs: [output], attrs, weights: [] })
  }
  for (const { value, reference, output } of [...pairs].reverse()) {
    const known = values.get(value)
    if (known?.dtype !== 'f32')
      throw new MixbitError('TENSOR_DTYPE', `%${value} is ${known?.dtype ?? 'unknown'}; squared errors take f32.`, {
        hint: 'Fetch the value and compare it outside.',
      })
    const input: Value = { ...known, id: reference }
    values.set(reference, input)
    node('Sub', [value, reference], `${output}-`)
    node('ReduceSumSquare', [`${output}-`], output, { keepdims: 0 })
  }
  const inputs = [...graph.inputs, ...pairs.map(({ reference }) => reference)]
  return { ...graph, inputs, nodes: [...graph.nodes, ...nodes], values }
}
