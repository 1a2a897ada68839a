import { type Attr, consumers, type Graph, type Node, type Tensor } from '@mixbit/graph'
import { type Builder, builder } from '../builder.ts'
import { metaOf, opsetOf } from '../meta.ts'

/** Operators whose meaning and form are the same from opset 7 to 13. */
const unchanged = new Set(
  'Conv ConvTranspose Relu LeakyRelu PRelu Elu Selu Sigmoid Tanh Add Sub Mul Div MatMul Gemm Concat MaxPool AveragePool GlobalAveragePool GlobalMaxPool Flatten Reshape Transpose Shape Gather Identity Exp Log Sqrt Neg Abs Floor Ceil Pow Max Min Sum Mean HardSigmoid Softplus LRN ReduceMean ReduceMax ReduceMin DepthToSpace SpaceToDepth Cast Constant InstanceNormalization Erf Equal Where Expand Tile LSTM GRU RNN FakeQuantize ConstantOfShape Clip13 QuantizeLinear DequantizeLinear'.split(
    ' ',
  ),
)

const ints = (values: readonly number[]): Tensor => ({
  dtype: 'i64',
  shape: [values.length],
  data: BigInt64Array.from(values.map(BigInt)),
})
const floatOf = (attr: Attr | undefined): number | undefined =>
  typeof attr === 'object' && 'float' in attr && typeof attr.float === 'number' ? attr.float : undefined
const intsOf = (attr: Attr | undefined): number[] | undefined =>
  Array.isArray(attr) && attr.every((i) => typeof i === 'number') ? (attr as number[]) : undefined
const without = (attrs: Node['attrs'], ...names: string[]) =>
  Object.fromEntries(Object.entries(attrs).filter(([name]) => !names.includes(name)))

/** What an operator of opset `from` is in opset 13; null where there is no safe answer. */
type Rule = (node: Node, from: number, to: Builder) => Node | null

/** An attribute that has become the second input. */
const axesToInput: Rule = (node, from, to) => {
  const axes = intsOf(node.attrs.axes)
  if (from >= 13 || !axes) return node
  return { ...node, inputs: [node.inputs[0]!, to.constant(ints(axes))], attrs: without(node.attrs, 'axes') }
}

const rules: Readonly<Record<string, Rule>> = {
  BatchNormalization: (node) =>
    node.attrs.spatial === 0
      ? null
      : { ...node, outputs: node.outputs.slice(0, 1), attrs: without(node.attrs, 'spatial') },
  // In inference a Dropout hands its input on; its mask has no counterpart.
  Dropout: (node) =>
    node.outputs[1]
      ? null
      : { ...node, op: 'Identity', inputs: node.inputs.slice(0, 1), outputs: node.outputs.slice(0, 1), attrs: {} },
  Clip: (node, from, to) => {
    if (from >= 11) return node
    const bound = (name: string) => {
      const limit = floatOf(node.attrs[name])
      return limit === undefined ? null : to.constant({ dtype: 'f32', shape: [], data: Float32Array.of(limit) })
    }
    return { ...node, inputs: [node.inputs[0]!, bound('min'), bound('max')], attrs: {} }
  },
  Pad: (node, from, to) => {
    const pads = intsOf(node.attrs.pads)
    // A pass may have made one whose widths are an input.
    if (from >= 11 || node.inputs.length > 1) return node
    if (!pads) return null
    const value = to.constant({ dtype: 'f32', shape: [], data: Float32Array.of(floatOf(node.attrs.value) ?? 0) })
    return {
      ...node,
      inputs: [node.inputs[0]!, to.constant(ints(pads)), value],
      attrs: without(node.attrs, 'pads', 'value'),
    }
  },
  Slice: (node, from, to) => {
    if (from >= 10) return node
    const [starts, ends, axes] = ['starts', 'ends', 'axes'].map((name) => intsOf(node.attrs[name]))
    if (!starts || !ends) return null
    return {
      ...node,
      inputs: [
        node.inputs[0]!,
        to.constant(ints(starts)),
        to.constant(ints(ends)),
        to.constant(ints(axes ?? starts.map((_, i) => i))),
      ],
      attrs: {},
    }
  },
  Squeeze: axesToInput,
  Unsqueeze: axesToInput,
  ReduceSum: axesToInput,
  Split: (node, from, to) => {
    const split = intsOf(node.attrs.split)
    return from >= 13 || !split
      ? node
      : { ...node, inputs: [node.inputs[0]!, to.constant(ints(split))], attrs: without(node.attrs, 'split') }
  },
  // Up to opset 12 the axes from `axis` on (default 1) are one: flatten, softmax the rows, take the shape back.
  Softmax: (node, from, to) => {
    if (from >= 13) return node
    const axis = typeof node.attrs.axis === 'number' ? node.attrs.axis : 1
    const input = node.inputs[0]!
    const { dtype, shape } = to.values.get(input) ?? { dtype: 'f32' as const }
    if (shape && (axis === shape.length - 1 || axis === -1)) return { ...node, attrs: { axis: -1 } }
    const like = { dtype }
    const size = to.node('Shape', [input], { dtype: 'i64' })
    const rows = to.node('Softmax', [to.node('Flatten', [input], like, { axis })], like, { axis: -1 })
    return { ...node, op: 'Reshape', kind: 'reshapeLike', inputs: [rows, size], attrs: {} }
  },
}

/** The graph in opset 13, or null when one of its operators has no safe rule. Graphs of opset 13 and newer are left alone. */
export function raiseOpset(graph: Graph): Graph | null {
  const from = opsetOf(graph)
  if (from >= 13) return graph
  const to = builder(graph.values)
  const read = new Set([...graph.outputs, ...consumers(graph).keys()])
  for (const full of graph.nodes) {
    const node = { ...full, outputs: full.outputs.map((id) => (id !== null && read.has(id) ? id : null)) }
    const rule = rules[node.op]
    const raised = rule ? rule(node, from, to) : unchanged.has(node.op) && !node.captures ? node : null
    if (!raised) return null
    to.nodes.push(raised)
  }
  const meta = metaOf(graph)
  return {
    ...graph,
    nodes: to.nodes,
    values: to.values,
    meta: { ...graph.meta, opsets: { ...meta.opsets, '': 13 }, irVersion: Math.max(meta.irVersion, 7) },
  }
}
