import { type Graph, type Node, sizeOf, type Tensor } from '@mixbit/graph'
import type { LayerRows } from './layer-rows.ts'
import type { WeightForm } from './weight-forms.ts'

/**
 * The matrix form of a look-up in a table [entries, features]: a product with rows that are 1 at the entry and 0 elsewhere. Null
 * for tables whose scales run along the entries.
 */
export function embeddingForm(graph: Graph, node: Node): WeightForm | null {
  const [{ input, axis } = { input: 0, axis: 0 }] = node.weights
  const shape = graph.values.get(node.inputs[input] ?? '')?.tensor?.shape
  const [indices, output] = [node.inputs[input === 0 ? 1 : 0], node.outputs[0]]
  if (shape?.length !== 2 || axis !== 1 || indices == null || output == null) return null
  const [entries, features] = shape as [number, number]
  const rows: LayerRows = {
    groups: 1,
    outputs: features,
    inputs: entries,
    oneHot: true,
    weightIndex: (_group, row, column) => column * features + row,
    positions: (shape) => sizeOf(shape) / features,
    gather(x, { position }, to, at) {
      to.fill(0, at, at + entries)
      const entry = x[position]!
      to[at + (entry < 0 ? entry + entries : entry)] = 1
    },
    outputIndex: (_shape, _group, row, position) => position * features + row,
  }
  return {
    rows,
    reads: [indices, output],
    see: (tensors) => ({ input: asFloats(tensors.get(indices)!), output: tensors.get(output)!.shape }),
  }
}

/** Indices of any type as float32, which holds those of tables that fit into memory. */
const asFloats = ({ shape, data }: Tensor): Tensor => ({ dtype: 'f32', shape, data: Float32Array.from(data, Number) })
