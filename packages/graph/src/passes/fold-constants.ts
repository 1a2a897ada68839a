import type { Graph, Node, Value, ValueId } from '../graph.ts'
import { consumers, producers } from '../query.ts'
import type { Pass } from '../rewrite.ts'
import type { Tensor } from '../tensor.ts'
import { unseen } from './edit.ts'

/**
 * Makes constant values of `Constant` nodes (attributes value, value_float(s), value_int(s), value_string(s)) and removes
 * identities. Graph outputs keep their names: a constant or a graph input that is handed out through an identity stays as it
 * is, and so do values that a subgraph captures by name.
 */
export const foldConstants: Pass = { name: 'foldConstants', run: (graph) => removeIdentities(liftConstants(graph)) }

function liftConstants(graph: Graph): Graph {
  const lifted = new Map<ValueId, Value>()
  const nodes = graph.nodes.filter((node) => {
    const id = node.outputs[0]
    const tensor = node.op === 'Constant' && id && !graph.outputs.includes(id) ? constantOf(node) : undefined
    if (tensor && id) lifted.set(id, { id, dtype: tensor.dtype, shape: tensor.shape, tensor })
    return !tensor
  })
  return lifted.size === 0 ? graph : { ...graph, nodes, values: new Map([...graph.values, ...lifted]) }
}

function constantOf({ attrs }: Node): Tensor | undefined {
  const { value, value_float: float, value_floats: floats, value_int: int, value_ints: ints } = attrs
  const text = attrs.value_string
  const texts = attrs.value_strings
  if (typeof value === 'object' && 'tensor' in value) return value.tensor
  const numbers = floats ?? float
  if (typeof numbers === 'object' && 'float' in numbers) {
    const list = [numbers.float].flat()
    return { dtype: 'f32', shape: floats ? [list.length] : [], data: Float32Array.from(list) }
  }
  if (typeof int === 'number' || typeof int === 'bigint')
    return { dtype: 'i64', shape: [], data: BigInt64Array.of(BigInt(int)) }
  if (Array.isArray(ints))
    return { dtype: 'i64', shape: [ints.length], data: BigInt64Array.from(ints as number[], BigInt) }
  if (typeof text === 'string') return { dtype: 'string', shape: [], data: [text] }
  return Array.isArray(texts) ? { dtype: 'string', shape: [texts.length], data: texts as string[] } : undefined
}

function removeIdentities(graph: Graph): Graph {
  let current = graph
  for (const node of graph.nodes) if (node.kind === 'identity') current = removeIdentity(current, node.id)
  return current
}

function removeIdentity(graph: Graph, id: string): Graph {
  const node = graph.nodes.find((candidate) => candidate.id === id)!
  const [from, to] = [node.inputs[0], node.outputs[0]]
  const view = { graph, madeBy: producers(graph), readBy: consumers(graph) }
  if (!from || !to || !unseen(view, node.outputs.slice(1))) return graph
  const captured = (value: ValueId) => graph.nodes.some((other) => other.captures?.includes(value))
  const rest = graph.nodes.filter((other) => other !== node)
  if (!graph.outputs.includes(to)) return captured(to) ? graph : rename({ ...graph, nodes: rest }, to, from)
  const free = view.madeBy.has(from) && !graph.outputs.includes(from) && !captured(from)
  return free ? rename({ ...graph, nodes: rest }, from, to) : graph
}

/** Every mention of one value becomes the other; the first one's entry goes. */
function rename(graph: Graph, old: ValueId, id: ValueId): Graph {
  const swap = (value: ValueId | null) => (value === old ? id : value)
  const nodes = graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map(swap), outputs: node.outputs.map(swap) }))
  const values = new Map(graph.values)
  values.delete(old)
  return { ...graph, nodes, values }
}
