import type { Node, Tensor, Value, ValueId } from '@mixbit/graph'
import { classifyOp } from './classify.ts'

/**
 * Operators that not every backend of TF.js has, as ones that all have: an Einsum that is a matrix product becomes
 * BatchMatMulV2, a `_FusedMatMul` whose bias is no vector becomes MatMul and AddV2. The result is the same.
 */
export function normalized(
  node: Node,
  values: Map<ValueId, Value>,
  constant: (id: string) => Tensor | undefined,
): Node[] {
  if (node.op === 'Einsum' && isProduct(node.attrs.equation)) {
    const attrs = { adj_x: false, adj_y: false }
    return [{ ...node, op: 'BatchMatMulV2', attrs, ...classifyOp('BatchMatMulV2', node.inputs, attrs, constant) }]
  }
  const biased = node.op === '_FusedMatMul' && String(node.attrs.fused_ops) === 'BiasAdd'
  const bias = biased ? constant(node.inputs[2] ?? '') : undefined
  if (!bias || bias.shape.length < 2) return [node]
  const { transpose_a = false, transpose_b = false } = node.attrs
  const product = `${node.id}/MatMul`
  if (values.has(product)) return [node]
  values.set(product, { id: product, dtype: 'f32' })
  const attrs = { transpose_a, transpose_b }
  const inputs = node.inputs.slice(0, 2)
  return [
    { id: product, op: 'MatMul', inputs, outputs: [product], attrs, ...classifyOp('MatMul', inputs, attrs, constant) },
    {
      id: node.id,
      kind: 'add',
      op: 'AddV2',
      inputs: [product, node.inputs[2]!],
      outputs: node.outputs,
      attrs: {},
      weights: [],
    },
  ]
}

/** `abk,kn->abn` with any letters: the last axis of the first operand with the first axis of a matrix. */
function isProduct(equation: unknown): boolean {
  const [, first = '', matrix = '', result = ''] =
    /^(\w+),(\w\w)->(\w+)$/.exec(String(equation).replaceAll(' ', '')) ?? []
  const [outer, inner] = [first.slice(0, -1), first.slice(-1)]
  const letters = new Set(first + matrix)
  return matrix[0] === inner && result === outer + matrix[1] && letters.size === first.length + 1 && outer.length > 0
}
