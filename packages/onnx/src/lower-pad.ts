import type { Graph, Node } from '@mixbit/graph'
import { opsetOf } from './meta.ts'

/** Pads whose widths and value are inputs, as attributes where the opset (up to 10) has no such inputs. */
export function lowerPads(graph: Graph): Graph {
  if (opsetOf(graph) >= 11) return graph
  const data = (id: Node['inputs'][number] | undefined) => graph.values.get(id ?? '')?.tensor?.data
  const nodes = graph.nodes.map((node) => {
    if (node.op !== 'Pad' || node.inputs.length === 1) return node
    const [pads, value] = [data(node.inputs[1]), data(node.inputs[2])]
    const attrs = {
      ...node.attrs,
      pads: Array.from(pads as BigInt64Array, Number),
      value: { float: Number(value?.[0] ?? 0) },
    }
    return { ...node, inputs: [node.inputs[0]!], attrs }
  })
  return { ...graph, nodes }
}
