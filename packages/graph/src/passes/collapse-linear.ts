import type { Node } from '../graph.ts'
import { toF32 } from '../half.ts'
import type { Pass } from '../rewrite.ts'
import { sizeOf } from '../tensor.ts'
import { type PlainConv, plainConv, unpadded } from './conv.ts'
import { constantLike, type Edit, isOne, onlyFor, untilSettled, type View } from './edit.ts'

/**
 * Makes one convolution of two that follow each other without anything in between: k x k, then 1 x 1 without padding, both
 * with stride, dilation and group 1, unless the product has more weights than the two. W = W2 W1, b = W2 b1 + b2, summed in
 * float64. The first one's id stays.
 */
export const collapseLinear: Pass = { name: 'collapseLinear', run: (graph) => untilSettled(graph, match) }

function match(view: View, node: Node): Edit | undefined {
  const second = plainConv(view.graph, node)
  if (!second?.kernel.every((k) => k === 1) || !unpadded(node)) return undefined
  const first = plainConv(view.graph, onlyFor(view, node, node.inputs[0]))
  if (!first || !isOne(first.node.attrs.dilations) || first.weight.dtype !== second.weight.dtype) return undefined
  if (
    second.outChannels * sizeOf(first.weight.shape.slice(1)) >
    sizeOf(first.weight.shape) + sizeOf(second.weight.shape)
  )
    return undefined
  const constants = product(view, first, second)
  if (!constants) return undefined
  const macs = first.node.macs === undefined ? undefined : (first.node.macs / first.outChannels) * second.outChannels
  const inputs = [first.node.inputs[0]!, ...constants.map((value) => value.id)]
  const replace = { ...first.node, inputs, outputs: node.outputs, ...(macs === undefined ? {} : { macs }) }
  return { drop: new Set([node.id]), replace, constants }
}

function product({ graph }: View, first: PlainConv, second: PlainConv) {
  const row = sizeOf(first.weight.shape.slice(1))
  const kernel = multiply(toF32(second.weight), toF32(first.weight), second.outChannels, first.outChannels, row)
  const shape = [second.outChannels, ...first.weight.shape.slice(1)]
  const base = `${second.node.inputs[1]}_collapsed`
  const weight = constantLike(graph, base, first.weight.dtype, shape, kernel)
  if (!weight || !(first.bias || second.bias)) return weight && [weight]
  const carried = multiply(
    toF32(second.weight),
    first.bias ?? new Float32Array(first.outChannels),
    second.outChannels,
    first.outChannels,
    1,
  )
  const sum = carried.map((b, i) => b + (second.bias?.[i] ?? 0))
  const bias = constantLike(graph, `${base}_bias`, first.weight.dtype, [second.outChannels], sum)
  return bias && [weight, bias]
}

/** [rows, inner] times [inner, columns], in float64. */
function multiply(a: Float32Array, b: Float32Array, rows: number, inner: number, columns: number): Float64Array {
  const out = new Float64Array(rows * columns)
  for (let r = 0; r < rows; r++)
    for (let i = 0; i < inner; i++) {
      const factor = a[r * inner + i]!
      for (let c = 0; c < columns; c++) out[r * columns + c]! += factor * b[i * columns + c]!
    }
  return out
}
