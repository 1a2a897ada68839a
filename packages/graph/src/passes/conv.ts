import type { Graph, Node } from '../graph.ts'
import { toF32 } from '../half.ts'
import type { Tensor } from '../tensor.ts'
import { integer, isOne, plainConstant } from './edit.ts'

/** A convolution whose kernel a pass may rework: group 1, stride 1, ONNX layout [Cout, Cin, ...kernel], no activation inside. */
export interface PlainConv {
  readonly node: Node
  readonly weight: Tensor
  readonly outChannels: number
  readonly inChannels: number
  readonly kernel: readonly number[]
  /** Undefined: none. */
  readonly bias: Float32Array | undefined
}

export function plainConv(graph: Graph, node: Node | undefined): PlainConv | undefined {
  if (node?.kind !== 'conv' || node.op !== 'Conv' || node.attrs.activation || node.inputs.length > 3) return undefined
  const weight = plainConstant(graph, node.inputs[1])
  const hasBias = (node.inputs[2] ?? null) !== null
  const bias = hasBias ? plainConstant(graph, node.inputs[2]) : undefined
  if (!weight || (hasBias && !bias) || integer(node.attrs.group, 1) !== 1 || !isOne(node.attrs.strides))
    return undefined
  const [outChannels, inChannels, ...kernel] = weight.shape as [number, number, ...number[]]
  return { node, weight, outChannels, inChannels, kernel, bias: bias && toF32(bias) }
}

/** True when the attributes pad nothing at all. */
export const unpadded = ({ attrs }: Node): boolean =>
  (attrs.auto_pad ?? 'NOTSET') === 'NOTSET'
    ? ((attrs.pads ?? []) as number[]).every((pad) => pad === 0)
    : attrs.auto_pad === 'VALID'

/** True when output and input have the same extent and the middle of the (odd) kernel lies on the output's own place. */
export function samePadded({ node: { attrs }, kernel }: PlainConv): boolean {
  if (kernel.some((k) => k % 2 === 0)) return false
  const auto = attrs.auto_pad ?? 'NOTSET'
  if (auto !== 'NOTSET')
    return auto === 'SAME_UPPER' || auto === 'SAME_LOWER' || (auto === 'VALID' && kernel.every((k) => k === 1))
  const dilations = (attrs.dilations ?? kernel.map(() => 1)) as readonly number[]
  const pads = (attrs.pads ?? kernel.flatMap(() => [0, 0])) as readonly number[]
  const half = kernel.map((k, i) => (dilations[i]! * (k - 1)) / 2)
  return [...half, ...half].every((pad, i) => pad === pads[i])
}
