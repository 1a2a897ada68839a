import {
  f32ToF16,
  type Graph,
  type Grid,
  type Node,
  printGraph,
  replaceValues,
  type Tensor,
  toF32,
  type Value,
  type ValueId,
} from '@mixbit/graph'

/** Every quantizable weight, each constant once, with the first node that uses it. */
export function weightsOf(graph: Graph): { node: Node; id: ValueId; axis: number; tensor: Tensor }[] {
  const found = graph.nodes.flatMap((node) =>
    node.weights.flatMap(({ input, axis }) => {
      const id = node.inputs[input]
      const tensor = graph.values.get(id ?? '')?.tensor
      return id && tensor ? [{ node, id, axis, tensor }] : []
    }),
  )
  return found.filter(({ id }, index) => found.findIndex((other) => other.id === id) === index)
}

/** The graph with a constant turned into one more graph input. It is nobody's quantizable weight then. */
export function asInput(graph: Graph, id: ValueId): Graph {
  const { tensor: _, stored: __, ...value } = graph.values.get(id)!
  const nodes = graph.nodes.map((node) => ({
    ...node,
    weights: node.weights.filter((weight) => node.inputs[weight.input] !== id),
  }))
  return { ...replaceValues({ ...graph, nodes }, new Map([[id, value]])), inputs: [...graph.inputs, id] }
}

/** The same tensor with every element halved: other numbers that any model takes. */
export const halved = (tensor: Tensor): Tensor => {
  const numbers = toF32(tensor).map((x) => x / 2)
  return { ...tensor, data: tensor.dtype === 'f16' ? f32ToF16(numbers) : numbers }
}

/**
 * Puts every quantizable weight on a symmetric signed grid per channel, its scale from the largest magnitude; with `levels`
 * (ascending, the last one the largest) every number goes to the first level that is not below it.
 */
export function fakeQuantized(graph: Graph, bits: number, levels?: Int8Array): Graph {
  return replaceValues(
    graph,
    new Map(
      weightsOf(graph).map(({ id, axis, tensor }) => [id, onGrid(graph.values.get(id)!, tensor, axis, bits, levels)]),
    ),
  )
}

function onGrid(value: Value, tensor: Tensor, axis: number, bits: number, levels?: Int8Array): Value {
  const data = toF32(tensor)
  const count = tensor.shape[axis]!
  const inner = tensor.shape.slice(axis + 1).reduce((product, n) => product * n, 1)
  const channel = (i: number) => Math.floor(i / inner) % count
  const top = levels?.at(-1) ?? 2 ** (bits - 1) - 1
  const largest = new Float32Array(count)
  data.forEach((x, i) => {
    largest[channel(i)] = Math.max(largest[channel(i)]!, Math.abs(x))
  })
  const scale = largest.map((x) => (x > 0 ? x / top : 1))
  const integer = (x: number) =>
    levels ? (levels.find((level) => level >= x) ?? top) : Math.max(-top, Math.min(top, halfToEven(x)))
  const numbers = data.map((x, i) => integer(x / scale[channel(i)]!) * scale[channel(i)]!)
  const stored: Grid = { bits, signed: true, axis, scale, zeroPoint: new Int32Array(count), ...(levels && { levels }) }
  return { ...value, stored, tensor: { ...tensor, data: tensor.dtype === 'f16' ? f32ToF16(numbers) : numbers } }
}

function halfToEven(x: number): number {
  const rounded = Math.round(x)
  return rounded - x === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded
}

/** Changes whenever anything in the graph does: its text, and a hash of all its numbers. */
export function fingerprint(graph: Graph): string {
  const hashes = [...graph.values.values()].map(({ tensor }) => (tensor ? hash(tensor) : 0))
  return `${printGraph(graph, { maxElements: 4 })}\n${hashes.join(' ')}`
}

/** FNV-1a over the bytes, or over the characters of strings. */
function hash({ data }: Tensor): number {
  const bytes = ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new TextEncoder().encode(data.join('\0'))
  return bytes.reduce((state, byte) => Math.imul(state ^ byte, 16777619), -2128831035)
}

/** At most `count` of the items, evenly spread, first and last among them. */
export const spread = <T>(items: readonly T[], count: number): T[] =>
  items.length <= count
    ? [...items]
    : Array.from({ length: count }, (_, i) => items[Math.round((i * (items.length - 1)) / (count - 1))]!)
