import type { Graph, Node, NodeId, Value } from '../graph.ts'
import type { Tensor } from '../tensor.ts'
import { freshNode, freshValue, scalar } from './edit.ts'
import { type LinearLayer, withConstant } from './linear-layer.ts'

/** The zeros that a layer itself puts around its input, as a list of pads; undefined where they depend on its extent. */
export function padsOf({ node: { op, attrs }, weight }: LinearLayer): readonly number[] | undefined {
  if (op !== 'Conv') return []
  const auto = attrs.auto_pad ?? 'NOTSET'
  if (auto === 'NOTSET') return (attrs.pads ?? []) as readonly number[]
  return auto === 'VALID' || weight.shape.slice(2).every((k) => k === 1) ? [] : undefined
}

/** A Pad before a convolution instead of its own padding; its output is on the grid of its input, if the shift is. */
export function padBefore(graph: Graph, id: NodeId, pads: readonly number[], shift: number): Graph {
  const conv = graph.nodes.find((candidate) => candidate.id === id)!
  const rank = pads.length / 2
  const all = [0, 0, ...pads.slice(0, rank), 0, 0, ...pads.slice(rank)]
  const input = graph.values.get(conv.inputs[0]!)!
  const shape = input.shape?.map((extent, i) =>
    typeof extent === 'number' ? extent + all[i]! + all[i + rank + 2]! : extent,
  )
  const padded: Value = { id: freshValue(graph, `${id}_padded`), dtype: 'f32', ...(shape && { shape }) }
  const amounts: Tensor = { dtype: 'i64', shape: [all.length], data: BigInt64Array.from(all, BigInt) }
  const widths: Value = { id: freshValue(graph, `${id}_pads`), dtype: 'i64', shape: amounts.shape, tensor: amounts }
  const value = scalar(freshValue(graph, `${id}_pad_value`), shift)
  const pad = freshNode(graph, `${id}_pad`, {
    kind: 'pad',
    op: 'Pad',
    inputs: [input.id, widths.id, value.id],
    outputs: [padded.id],
    preserving: true,
  })
  const zeros = pads.map(() => 0)
  const unpadded: Node = {
    ...conv,
    inputs: conv.inputs.with(0, padded.id),
    attrs: { ...conv.attrs, pads: zeros },
    ...(conv.window && { window: { ...conv.window, pads: zeros } }),
  }
  const nodes = graph.nodes.flatMap((other) => (other === conv ? [pad, unpadded] : [other]))
  const values = new Map([...graph.values, ...[padded, widths, value].map((v) => [v.id, v] as const)])
  return { ...graph, nodes, values }
}

/** A Pad that fills with the shift: an attribute up to opset 10, where the widths are one too. */
export function padWith(graph: Graph, pad: Node, shift: number): Graph | undefined {
  if (pad.inputs.length > 1) return withConstant(graph, pad.id, 2, { dtype: 'f32', shape: [] }, Float64Array.of(shift))
  const changed: Node = { ...pad, attrs: { ...pad.attrs, value: { float: shift } } }
  return { ...graph, nodes: graph.nodes.map((other) => (other.id === pad.id ? changed : other)) }
}
