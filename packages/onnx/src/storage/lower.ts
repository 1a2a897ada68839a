import {
  consumers,
  type Graph,
  type Grid,
  MixbitError,
  type Node,
  producers,
  pruneUnused,
  sizeOf,
  type Tensor,
  type Value,
  type ValueId,
} from '@mixbit/graph'
import { type Builder, builder } from '../builder.ts'
import { metaOf, opsetOf } from '../meta.ts'
import { microsoft } from './domain.ts'
import { lowerActivation } from './lower-activation.ts'
import { lowerIntegerWeight, lowerWeight } from './lower-weight.ts'
import { raiseOpset } from './raise-opset.ts'

/**
 * Operators with a constant weight as second input that stays integer behind a quantized activation: for the sake of fused
 * integer kernels, and because onnxruntime rounds float weights between quantizers to 8 bits per tensor when it loads them.
 */
const integerOps = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul'])

/**
 * Constants on a grid and fakeQuantize nodes as ordinary ONNX operators on small initializers. Weights of layers that read
 * a quantized activation get a DequantizeLinear, which onnxruntime fuses into integer kernels; the others a Cast and a
 * Mul, which fold to float when the model loads. The opset is raised to 13 only for DequantizeLinear per channel.
 * @throws MixbitError `ONNX_OPSET_RAISE` when that is needed and an operator of the model cannot follow.
 */
export function lowerStorage(graph: Graph): Graph {
  const quantizers = graph.nodes.filter((node) => node.kind === 'fakeQuantize')
  const raised = quantizers.length > 0 ? raiseOpset(graph) : graph
  if (!raised)
    throw new MixbitError(
      'ONNX_OPSET_RAISE',
      `Quantized activations need opset 13, and this model of opset ${opsetOf(graph)} cannot be raised to it.`,
      {
        hint: 'Use the weights-only target platform, or export the model with opset 13 or newer.',
      },
    )
  const opset = opsetOf(raised)
  const to = builder(raised.values)
  const makers = producers(raised)
  const users = consumers(raised)
  const gridOf = (id: ValueId | null | undefined): Grid | undefined => (id == null ? undefined : makers.get(id)?.grid)
  for (const value of raised.values.values()) {
    if (!value.tensor || !value.stored) continue
    const readers = users.get(value.id) ?? []
    const integer =
      value.stored.signed &&
      value.dtype === 'f32' &&
      value.stored.zeroPoint.every((z) => z === 0) &&
      readers.length > 0 &&
      readers.every((node) => integerOps.has(node.op) && node.inputs[1] === value.id && gridOf(node.inputs[0]))
    if (integer) lowerIntegerWeight(to, value, value.stored, opset)
    else lowerWeight(to, value, value.stored, opset)
  }
  for (const node of raised.nodes)
    if (node.kind === 'fakeQuantize') lowerActivation(to, node, opset)
    else to.nodes.push(integerOps.has(node.op) ? lowerBias(to, raised, node, gridOf(node.inputs[0])) : node)
  const meta = to.nodes.some(({ op }) => op.startsWith(microsoft)) ? withMicrosoft(raised) : raised.meta
  return pruneUnused({ ...raised, meta, nodes: to.nodes, values: withoutTensors(to, raised) })
}

/** The notes of a graph that uses onnxruntime's own operators. */
const withMicrosoft = (graph: Graph): Graph['meta'] => ({
  ...graph.meta,
  opsets: { [microsoft]: 1, ...metaOf(graph).opsets },
})

/** Values that are made by nodes now are no constants any more. */
function withoutTensors(to: Builder, before: Graph): Map<ValueId, Value> {
  const made = new Set(to.nodes.flatMap((node) => node.outputs))
  return new Map(
    [...to.values].map(([id, value]) => {
      if (!made.has(id) || !before.values.get(id)?.tensor) return [id, value]
      const { tensor: _tensor, stored: _stored, ...rest } = value
      return [id, rest]
    }),
  )
}

/** The bias as int32 on the grid of the accumulator (input scale x weight scale), which the fused kernels add directly. */
function lowerBias(to: Builder, graph: Graph, node: Node, input: Grid | undefined): Node {
  const weight = graph.values.get(node.inputs[1] ?? '')
  const bias = graph.values.get(node.inputs[2] ?? '')?.tensor
  const grid = weight?.stored
  const plain = node.op === 'Conv' || (node.attrs.alpha === undefined && node.attrs.beta === undefined)
  if (!input || !grid || !bias || bias.dtype !== 'f32' || !plain) return node
  const channels = sizeOf(bias.shape)
  if (bias.shape.length !== 1 || (grid.scale.length !== channels && grid.scale.length !== 1)) return node
  const scale = Float32Array.from(
    { length: channels },
    (_, i) => input.scale[0]! * grid.scale[grid.scale.length === 1 ? 0 : i]!,
  )
  const integers = Float64Array.from(bias.data as Float32Array, (b, i) => Math.round(b / scale[i]!))
  if (!integers.every((q) => Math.abs(q) < 2 ** 31)) return node
  const stored: Tensor = { dtype: 'i32', shape: bias.shape, data: Int32Array.from(integers) }
  const dequantized = to.node(
    'DequantizeLinear',
    [to.constant(stored), to.constant({ dtype: 'f32', shape: [channels], data: scale })],
    { dtype: 'f32', shape: bias.shape },
    { axis: 0 },
  )
  return { ...node, inputs: [node.inputs[0]!, node.inputs[1]!, dequantized] }
}
