import type { Graph, Node, Tensor, Tensors, ValueId } from '@mixbit/graph'
import { embeddingForm } from './embedding-rows.ts'
import { type LayerRows, layerRows } from './layer-rows.ts'
import { recurrentForms } from './recurrent-rows.ts'

/** A weight as a matrix, and where what it is multiplied with is to be seen. */
export interface WeightForm {
  readonly rows: LayerRows
  /** Values that tell what the weight is multiplied with. */
  readonly reads: readonly ValueId[]
  /** What `rows` gathers from, and the shape that it counts positions in. */
  see(tensors: Tensors): { readonly input: Tensor; readonly output: readonly number[] }
}

/** The forms of a node's weights by index into its inputs; those without a known one are left out. */
export function weightForms(graph: Graph, node: Node): ReadonlyMap<number, WeightForm> {
  if (node.recurrence) return recurrentForms(graph, node, node.recurrence)
  if (node.kind === 'embedding') {
    const form = embeddingForm(graph, node)
    return new Map(form ? [[node.weights[0]!.input, form]] : [])
  }
  const rows = layerRows(graph, node)
  const { input } = node.weights[0] ?? {}
  const [data, output] = [node.inputs[input === 0 ? 1 : 0], node.outputs[0]]
  if (!rows || input === undefined || data == null || output == null) return new Map()
  const see: WeightForm['see'] = (tensors) => ({ input: tensors.get(data)!, output: tensors.get(output)!.shape })
  return new Map([[input, { rows, reads: [data, output], see }]])
}
