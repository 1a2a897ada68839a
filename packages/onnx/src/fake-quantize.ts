import type { Graph, Grid, Node, Tensor, ValueId } from '@mixbit/graph'
import { builder } from './builder.ts'
import { opsetOf } from './meta.ts'

const scalar = (x: number): Tensor => ({ dtype: 'f32', shape: [], data: Float32Array.of(x) })

/**
 * fakeQuantize nodes as float arithmetic of any opset: (clip(round(x / scale) + zeroPoint) - zeroPoint) * scale, per
 * tensor. Below opset 11, which has no Round, x is rounded by adding and subtracting 1.5 * 2^23 (half to even as well).
 */
export function lowerFakeQuantize(graph: Graph): Graph {
  if (!graph.nodes.some((node) => node.kind === 'fakeQuantize')) return graph
  const to = builder(graph.values)
  const opset = opsetOf(graph)
  for (const node of graph.nodes) {
    if (node.kind !== 'fakeQuantize') {
      to.nodes.push(node)
      continue
    }
    const { bits, signed, scale, zeroPoint } = node.grid as Grid
    const low = (signed ? -(2 ** (bits - 1)) : 0) - zeroPoint[0]!
    const like = { dtype: 'f32' as const }
    const at = (op: string, x: ValueId, y: number) => to.node(op, [x, to.constant(scalar(y), `s${y}`)], like)
    const steps = at('Div', node.inputs[0] as ValueId, scale[0]!)
    const high = low + 2 ** bits - 1
    // Max and Min broadcast from opset 8 on; up to opset 10 the limits of Clip are attributes.
    const limited =
      opset >= 8
        ? at('Min', at('Max', steps, low), high)
        : to.node('Clip', [steps], like, { min: { float: low }, max: { float: high } })
    const rounded = opset >= 11 ? to.node('Round', [limited], like) : at('Sub', at('Add', limited, 12582912), 12582912)
    to.node(
      'Mul',
      [rounded, to.constant(scalar(scale[0]!), `s${scale[0]}`)],
      like,
      {},
      (node as Node).outputs[0] as ValueId,
    )
  }
  return { ...graph, nodes: to.nodes, values: to.values }
}
