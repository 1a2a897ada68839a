import type { SquaredError } from '@mixbit/adapter'
import { type Graph, MixbitError, type Node, type Tensor, type Value, type ValueId } from '@mixbit/graph'

/**
 * Sub and ReduceSumSquare for every pair: about the price of fetching the value, and only one small tensor crosses into JavaScript. The
 * last pair comes first: onnxruntime then runs each of them where its value is made, and not all of them at the end.
 */
export function squaredErrors(graph: Graph, pairs: readonly SquaredError[], output: ValueId): Graph {
  const values = new Map(graph.values)
  const nodes: Node[] = []
  const node = (op: string, inputs: string[], output: string, attrs: Node['attrs'] = {}, shape?: number[]) => {
    values.set(output, { id: output, dtype: 'f32', ...(shape && { shape }) })
    nodes.push({ id: output, kind: 'opaque', op, inputs, outputs: [output], attrs, weights: [] })
    return output
  }
  const flat = `${output} flat`
  const tensor: Tensor = { dtype: 'i64', shape: [1], data: BigInt64Array.of(-1n) }
  values.set(flat, { id: flat, dtype: tensor.dtype, shape: tensor.shape, tensor })
  const errors = pairs.toReversed().map(({ value, reference }) => {
    const known = values.get(value)
    if (known?.dtype !== 'f32')
      throw new MixbitError('TENSOR_DTYPE', `%${value} is ${known?.dtype ?? 'unknown'}; squared errors take f32.`, {
        hint: 'Fetch the value and compare it outside.',
      })
    const input: Value = { ...known, id: reference }
    values.set(reference, input)
    const difference = node('Sub', [value, reference], `${reference} difference`)
    const list = node('Reshape', [difference, flat], `${reference} list`)
    return node('ReduceSumSquare', [list], `${reference} error`, { keepdims: 1 }, [1])
  })
  node('Concat', errors.toReversed(), output, { axis: 0 }, [pairs.length])
  const inputs = [...graph.inputs, ...pairs.map(({ reference }) => reference)]
  return { ...graph, inputs, nodes: [...graph.nodes, ...nodes], values }
}
