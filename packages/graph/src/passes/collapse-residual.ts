import type { Node } from '../graph.ts'
import { toF32 } from '../half.ts'
import type { Pass } from '../rewrite.ts'
import { sizeOf } from '../tensor.ts'
import { type PlainConv, plainConv, samePadded } from './conv.ts'
import { constantLike, type Edit, onlyFor, untilSettled, type View } from './edit.ts'

/**
 * x + conv(x) becomes one convolution: the identity is added to the middle of its kernel. For stride 1, group 1, odd kernels
 * with same padding, as many channels out as in, and nobody else seeing conv(x).
 */
export const collapseResidual: Pass = { name: 'collapseResidual', run: (graph) => untilSettled(graph, match) }

function match(view: View, add: Node): Edit | undefined {
  if (add.kind !== 'add' || add.op !== 'Add' || add.inputs.length !== 2 || add.attrs.activation) return undefined
  for (const [skip, branch] of [add.inputs, add.inputs.toReversed()]) {
    const conv = plainConv(view.graph, onlyFor(view, add, branch))
    const weight = conv && conv.node.inputs[0] === skip && withIdentity(view, conv)
    if (!weight) continue
    const inputs = conv.node.inputs.with(1, weight.id)
    return { drop: new Set([add.id]), replace: { ...conv.node, inputs, outputs: add.outputs }, constants: [weight] }
  }
  return undefined
}

function withIdentity({ graph }: View, conv: PlainConv) {
  if (conv.inChannels !== conv.outChannels || !samePadded(conv)) return undefined
  const kernel = Float64Array.from(toF32(conv.weight))
  const taps = sizeOf(conv.kernel)
  // Odd extents: the middle tap is the middle element of a channel's kernel.
  for (let c = 0; c < conv.inChannels; c++) kernel[(c * conv.inChannels + c) * taps + (taps - 1) / 2]! += 1
  return constantLike(graph, `${conv.node.inputs[1]}_residual`, conv.weight.dtype, conv.weight.shape, kernel)
}
