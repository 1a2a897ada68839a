import type { SquaredError } from '@mixbit/adapter'
import { type Graph, MixbitError, type Node, type Value } from '@mixbit/graph'

/** SquaredDifference and Sum over all elements for every pair: only scalars leave the runtime. */
export function squaredErrors(graph: Graph, pairs: readonly SquaredError[]): Graph {
  const values = new Map(graph.values)
  const nodes: Node[] = []
  const node = (op: string, inputs: string[], output: string, shape?: readonly number[]) => {
    values.set(output, { id: output, dtype: 'f32', ...(shape && { shape }) })
    nodes.push({ id: output, kind: 'opaque', op, inputs, outputs: [output], attrs: { T: 'DT_FLOAT' }, weights: [] })
  }
  const flat = 'squared errors: flat'
  values.set(flat, {
    id: flat,
    dtype: 'i32',
    shape: [1],
    tensor: { dtype: 'i32', shape: [1], data: Int32Array.of(-1) },
  })
  const first = 'squared errors: axis'
  values.set(first, {
    id: first,
    dtype: 'i32',
    shape: [1],
    tensor: { dtype: 'i32', shape: [1], data: Int32Array.of(0) },
  })
  for (const { value, reference, output } of pairs) {
    const known = values.get(value)
    if (known?.dtype !== 'f32')
      throw new MixbitError('TENSOR_DTYPE', `%${value} is ${known?.dtype ?? 'unknown'}; squared errors take f32.`, {
        hint: 'Fetch the value and compare it outside.',
      })
    const input: Value = { ...known, id: reference }
    values.set(reference, input)
    node('SquaredDifference', [value, reference], `${output}-`)
    node('Reshape', [`${output}-`, flat], `${output}--`)
    node('Sum', [`${output}--`, first], output, [])
  }
  const inputs = [...graph.inputs, ...pairs.map(({ reference }) => reference)]
  return { ...graph, inputs, nodes: [...graph.nodes, ...nodes], values }
}
