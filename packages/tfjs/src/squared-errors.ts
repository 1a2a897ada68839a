import type { SquaredError } from '@mixbit/adapter'
import { type Graph, MixbitError, type Node, type Value, type ValueId } from '@mixbit/graph'

/** SquaredDifference and Sum over all elements for every pair: only one small tensor leaves the runtime. */
export function squaredErrors(graph: Graph, pairs: readonly SquaredError[], output: ValueId): Graph {
  const values = new Map(graph.values)
  const nodes: Node[] = []
  const node = (op: string, inputs: string[], output: string, shape?: readonly number[], attrs: Node['attrs'] = {}) => {
    values.set(output, { id: output, dtype: 'f32', ...(shape && { shape }) })
    const all = { T: 'DT_FLOAT', ...attrs }
    nodes.push({ id: output, kind: 'opaque', op, inputs, outputs: [output], attrs: all, weights: [] })
    return output
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
  const errors = pairs.map(({ value, reference }) => {
    const known = values.get(value)
    if (known?.dtype !== 'f32')
      throw new MixbitError('TENSOR_DTYPE', `%${value} is ${known?.dtype ?? 'unknown'}; squared errors take f32.`, {
        hint: 'Fetch the value and compare it outside.',
      })
    const input: Value = { ...known, id: reference }
    values.set(reference, input)
    const squares = node('SquaredDifference', [value, reference], `${reference} squares`)
    const list = node('Reshape', [squares, flat], `${reference} list`)
    return node('Sum', [list, first], `${reference} error`, [])
  })
  node('Pack', errors, output, [pairs.length], { N: errors.length, axis: 0 })
  const inputs = [...graph.inputs, ...pairs.map(({ reference }) => reference)]
  return { ...graph, inputs, nodes: [...graph.nodes, ...nodes], values }
}
