import type { Attr, Graph, Grid, Node, Tensor, ValueId } from '@mixbit/graph'
import { typeName } from '../dtypes.ts'
import { type NodeDef, parseRef, type RawAttr, writeAttr } from './node-def.ts'

/** A graph as nodes of a GraphDef. Placeholders and Const nodes come first. */
export interface GraphDef {
  readonly nodes: readonly NodeDef[]
  /** Names of the constants, by value id. */
  readonly constants: ReadonlyMap<ValueId, string>
  /** Constants that only the GraphDef has (limits of quantizers), by name. */
  readonly added: ReadonlyMap<string, Tensor>
  /** Name of each value that is defined, for inputs and outputs. */
  readonly names: ReadonlyMap<ValueId, string>
}

/** How nodes that are no operators of TF become some; for layers. */
export type Foreign = (node: Node, name: string, inputs: readonly string[]) => NodeDef | undefined

/**
 * The nodes of a graph as a GraphDef. For a file, nodes keep their names, and graph outputs have theirs; for a session
 * (`short`), names are made up, because ids of values may hold what a name may not.
 */
export function graphDefOf(graph: Graph, short: boolean, foreign: Foreign = () => undefined): GraphDef {
  const nodes: NodeDef[] = []
  const added = new Map<string, Tensor>()
  const names = new Map<ValueId, string>()
  const taken = new Set<string>()
  const unique = (wanted: string): string => {
    let name = wanted
    for (let n = 1; taken.has(name); n++) name = `${wanted}_${n}`
    taken.add(name)
    return name
  }
  for (const [i, id] of graph.inputs.entries()) {
    names.set(id, unique(short ? `i${i}` : id))
    nodes.push(placeholder(names.get(id)!, graph, id))
  }
  const constants = new Map<ValueId, string>()
  for (const { id, tensor } of graph.values.values())
    if (tensor && !names.has(id)) {
      constants.set(id, unique(short ? `c${constants.size}` : id))
      names.set(id, constants.get(id)!)
      nodes.push(constNode(constants.get(id)!, tensor))
    }
  const scalar = (x: number): string => {
    const name =
      [...added].find(([, { data }]) => data[0] === Math.fround(x))?.[0] ??
      unique(short ? `s${added.size}` : `quantizer/${added.size}`)
    if (!added.has(name)) {
      added.set(name, { dtype: 'f32', shape: [], data: Float32Array.of(x) })
      nodes.push(constNode(name, added.get(name)!))
    }
    return name
  }
  for (const [i, node] of graph.nodes.entries()) {
    const inputs = node.inputs.map((id) => (id === null ? '' : names.get(id)!))
    const [first] = node.outputs
    const wanted = short ? `n${i}` : first != null && graph.outputs.includes(first) ? first : node.id
    if (node.op === 'Subgraph') {
      const prefix = short ? `n${i}/` : ''
      nodes.push(...regionDefs(node, inputs, prefix))
      for (const [k, id] of node.outputs.entries())
        if (id !== null) names.set(id, named(`${prefix}${(node.attrs.makes as readonly string[])[k]}`, id))
      continue
    }
    const name = unique(wanted)
    if (node.kind === 'fakeQuantize') nodes.push(...quantizerDefs(node.grid!, name, inputs[0]!, scalar, unique))
    else nodes.push(foreign(node, name, inputs) ?? nodeDef(node, name, inputs))
    for (const [k, id] of node.outputs.entries())
      if (id !== null) names.set(id, named(k === 0 ? name : `${name}:${k}`, id))
  }
  return { nodes, constants, added, names }

  /** A graph output must bear its own name in a file. */
  function named(name: string, id: ValueId): string {
    if (short || name === id || !graph.outputs.includes(id)) return name
    nodes.push({ name: unique(id), op: 'Identity', input: [name] })
    return id
  }
}

const placeholder = (name: string, graph: Graph, id: ValueId): NodeDef => {
  const { dtype, shape } = graph.values.get(id)!
  const dim = shape?.map((n) => ({ size: String(typeof n === 'number' ? n : -1) }))
  const type = { type: typeName(dtype) }
  return { name, op: 'Placeholder', attr: { dtype: type, ...(dim && { shape: { shape: { dim } } }) } }
}

const constNode = (name: string, { dtype }: Tensor): NodeDef => ({
  name,
  op: 'Const',
  attr: { dtype: { type: typeName(dtype) } },
})

/** The operator that also adds a bias. */
const fusedOps: Readonly<Record<string, string>> = {
  Conv2D: '_FusedConv2D',
  DepthwiseConv2dNative: 'FusedDepthwiseConv2dNative',
  MatMul: '_FusedMatMul',
}

function nodeDef(node: Node, name: string, inputs: readonly string[]): NodeDef {
  const fused = Array.isArray(node.attrs.fused_ops)
  const { activation: _, ...rest } = node.attrs
  const attrs: Readonly<Record<string, Attr>> = fused ? rest : node.attrs
  const biased = node.weights.length > 0 && inputs.length === 3 && fusedOps[node.op] !== undefined
  const attr: Record<string, RawAttr> = Object.fromEntries(
    Object.entries(attrs).map(([key, value]) => [key, writeAttr(value)]),
  )
  if (biased) Object.assign(attr, { fused_ops: writeAttr(['BiasAdd']), num_args: writeAttr(1) })
  return { name, op: biased ? fusedOps[node.op]! : node.op, input: inputs, attr }
}

/** The nodes of a region under new names for what they read and, with a prefix, for themselves. */
function regionDefs({ attrs }: Node, inputs: readonly string[], prefix: string): NodeDef[] {
  const inside = JSON.parse(String(attrs.nodes)) as NodeDef[]
  const names = new Set(inside.map(({ name }) => name))
  const reads = attrs.reads as readonly string[]
  const renamed = (ref: string): string[] => {
    const { node, output, control } = parseRef(ref)
    if (names.has(node)) return [ref.replace(node, () => `${prefix}${node}`)]
    const at = reads.indexOf(output === 0 ? node : `${node}:${output}`)
    return control || at < 0 ? [] : [inputs[at]!]
  }
  return inside.map((node) => ({
    ...node,
    name: `${prefix}${node.name}`,
    ...(node.input && { input: node.input.flatMap(renamed) }),
  }))
}

/** (round(clip(x / scale)) * scale with the zero point in the limits: what a `fakeQuantize` node computes. */
function quantizerDefs(
  { bits, signed, scale, zeroPoint }: Grid,
  name: string,
  input: string,
  scalar: (x: number) => string,
  unique: (name: string) => string,
): NodeDef[] {
  const low = (signed ? -(2 ** (bits - 1)) : 0) - zeroPoint[0]!
  const type = { T: { type: 'DT_FLOAT' } }
  const step = (op: string, from: string, other?: number): NodeDef => ({
    name: unique(`${name}/${op}`),
    op,
    input: other === undefined ? [from] : [from, scalar(other)],
    attr: type,
  })
  const steps = step('RealDiv', input, scale[0]!)
  const floor = step('Maximum', steps.name, low)
  const limited = step('Minimum', floor.name, low + 2 ** bits - 1)
  const rounded = step('Round', limited.name)
  return [steps, floor, limited, rounded, { name, op: 'Mul', input: [rounded.name, scalar(scale[0]!)], attr: type }]
}
