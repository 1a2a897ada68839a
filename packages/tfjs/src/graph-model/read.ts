import {
  type Attr,
  type Dim,
  type DType,
  type Graph,
  MixbitError,
  type Node,
  pruneUnused,
  type Tensor,
  type Value,
  type ValueId,
} from '@mixbit/graph'
import { dtypeOfOutput, typeOf } from '../dtypes.ts'
import { type RawWeight, tensorOf } from '../manifest.ts'
import { constantValue, type TfjsMeta } from '../meta.ts'
import type { LoadedModel } from '../source.ts'
import { classifyOp } from './classify.ts'
import { type NodeDef, parseRef, readAttr, refOf } from './node-def.ts'
import { normalized } from './normalize.ts'
import { dataRefs, type Region, regionsOf, sorted } from './regions.ts'

/** A graph model as it lies in the file. */
interface Topology {
  readonly node: readonly NodeDef[]
  readonly library?: unknown
  readonly versions?: unknown
}

/** One end of a signature. */
interface TensorInfo {
  readonly name: string
  readonly dtype?: string
  readonly tensorShape?: {
    readonly dim?: readonly { readonly size?: string | number }[]
    readonly unknownRank?: boolean
  }
}

/**
 * A graph model in the IR. Nodes keep their names, values are called `name` or `name:1`. Control flow is grouped into
 * opaque `Subgraph` nodes; assertions, control inputs and what reaches no output are left out.
 * @throws MixbitError `TFJS_UNREADABLE`
 */
export function readGraphModel({ json, weights }: LoadedModel): Graph {
  const { node: nodes } = checked(json.modelTopology as Topology)
  const raw = new Map<Tensor, RawWeight>()
  const values = new Map<ValueId, Value>()
  const constants = new Set(nodes.filter(({ op }) => op === 'Const').map(({ name }) => name))
  const loose = weights.filter(({ spec }) => !constants.has(spec.name))
  for (const weight of weights)
    if (constants.has(weight.spec.name)) {
      const tensor = tensorOf(weight)
      raw.set(tensor, weight)
      values.set(weight.spec.name, constantValue(weight.spec.name, tensor))
    }
  for (const name of constants) if (!values.has(name)) throw unreadable(`the constant ${name} has no weight`)

  const { inputs, outputs } = endsOf(json)
  for (const value of inputs) values.set(value.id, value)
  const items = ordered(nodes.filter((node) => !constants.has(node.name) && !values.has(node.name)))
  const used = portsOf([...outputs, ...nodes.flatMap(dataRefs)])
  const constant = (id: string) => values.get(id)?.tensor
  const graphNodes = items.flatMap((item) => {
    const made = 'nodes' in item ? regionNode(item, nodes, outputs, values) : [plainNode(item, used, values)]
    return made.flatMap((node) => normalized(node, values, constant))
  })
  const { modelTopology, weightsManifest: _, mixbit: __, ...rest } = json
  const { node: ___, ...topology } = modelTopology as Topology
  const meta: TfjsMeta = { format: 'graph-model', json: { ...rest, modelTopology: topology }, raw, loose }
  const known = outputs.filter((id) => values.has(id))
  if (known.length === 0) throw unreadable('it has no output')
  return pruneUnused({
    name: 'model',
    inputs: inputs.map(({ id }) => id),
    outputs: known,
    nodes: graphNodes,
    values,
    meta: meta as unknown as Graph['meta'],
  })
}

function checked(topology: Topology): Topology {
  const isNode = (node: NodeDef) =>
    typeof node?.name === 'string' &&
    typeof node.op === 'string' &&
    (node.input === undefined || (Array.isArray(node.input) && node.input.every((ref) => typeof ref === 'string')))
  if (!Array.isArray(topology.node) || !topology.node.every(isNode))
    throw unreadable('a node of its graph lacks a name or an op')
  if (new Set(topology.node.map(({ name }) => name)).size < topology.node.length)
    throw unreadable('two nodes share a name')
  return topology
}

/** Inputs and outputs of a graph model: those of its signature, else placeholders and what nobody reads. */
export function endsOf(json: LoadedModel['json']): { inputs: Value[]; outputs: ValueId[] } {
  const { node: nodes } = json.modelTopology as Topology
  const { inputs, outputs } = signatureOf(json)
  const ids = outputs.length > 0 ? outputs.map(({ name }) => refOf(name)) : unread(nodes)
  return { inputs: inputValues(nodes, inputs), outputs: [...new Set(ids)] }
}

function signatureOf(json: LoadedModel['json']): { inputs: TensorInfo[]; outputs: TensorInfo[] } {
  const metadata = json.userDefinedMetadata as { signature?: unknown } | undefined
  const { inputs = {}, outputs = {} } = ((metadata?.signature ?? json.signature) || {}) as {
    inputs?: Readonly<Record<string, TensorInfo>>
    outputs?: Readonly<Record<string, TensorInfo>>
  }
  const infos = (ends: Readonly<Record<string, TensorInfo>>) =>
    Object.values(ends).filter((info) => typeof info?.name === 'string')
  return { inputs: infos(inputs), outputs: infos(outputs) }
}

/** Graph inputs: those of the signature, then placeholders that it does not name. */
function inputValues(nodes: readonly NodeDef[], given: readonly TensorInfo[]): Value[] {
  const byName = new Map(nodes.map((node) => [node.name, node]))
  const placeholders = nodes.filter(({ op }) => op.startsWith('Placeholder')).map(({ name }): TensorInfo => ({ name }))
  const seen = new Map<string, TensorInfo>()
  for (const info of [...given, ...placeholders]) {
    const id = refOf(info.name)
    if (byName.has(id) && !seen.has(id)) seen.set(id, info)
  }
  return [...seen].map(([id, info]): Value => {
    const attr = byName.get(id)?.attr ?? {}
    const declared = info.tensorShape ?? (attr.shape?.shape as TensorInfo['tensorShape'])
    const dims = declared?.unknownRank ? undefined : declared?.dim
    const shape = dims?.map(({ size }, i): Dim => (Number(size) >= 0 ? Number(size) : i === 0 ? 'N' : `${id}_${i}`))
    const dtype = typeOf(attr.dtype) ?? typeOf({ type: info.dtype }) ?? 'f32'
    return { id, dtype, ...(shape && { shape }) }
  })
}

function unread(nodes: readonly NodeDef[]): string[] {
  const read = new Set(nodes.flatMap((node) => (node.input ?? []).map((ref) => parseRef(ref).node)))
  return nodes.filter(({ name, op }) => !read.has(name) && op !== 'NoOp' && op !== 'Const').map(({ name }) => name)
}

/** Nodes and regions in topological order. */
function ordered(nodes: readonly NodeDef[]): (NodeDef | Region)[] {
  const items = new Map<string, NodeDef | Region>()
  for (const region of regionsOf(nodes)) for (const { name } of region.nodes) items.set(name, region)
  for (const node of nodes)
    if (!items.has(node.name) && node.op !== 'NoOp' && node.op !== 'Assert') items.set(node.name, node)
  const readsOf = (item: NodeDef | Region) => ('nodes' in item ? item.nodes : [item]).flatMap(dataRefs)
  const inputsOf = (item: NodeDef | Region) =>
    readsOf(item)
      .map((ref) => items.get(parseRef(ref).node))
      .filter((input): input is NodeDef | Region => input !== undefined && input !== item)
  return sorted([...new Set(items.values())], inputsOf)
}

/** The outputs that are read, by node. */
function portsOf(refs: readonly string[]): Map<string, Set<number>> {
  const ports = new Map<string, Set<number>>()
  for (const { node, output } of refs.map(parseRef)) ports.set(node, (ports.get(node) ?? new Set()).add(output))
  return ports
}

function plainNode(def: NodeDef, used: ReadonlyMap<string, ReadonlySet<number>>, values: Map<ValueId, Value>): Node {
  const inputs = dataRefs(def)
  // Attributes that begin with an underscore are notes of converters.
  const attrs: Record<string, Attr> = Object.fromEntries(
    Object.entries(def.attr ?? {}).flatMap(([name, raw]) => (name.startsWith('_') ? [] : [[name, readAttr(raw)]])),
  )
  const ports = used.get(def.name) ?? new Set()
  const outputs = Array.from({ length: 1 + Math.max(0, ...ports) }, (_, k) =>
    k === 0 || ports.has(k) ? refOf(`${def.name}:${k}`) : null,
  )
  const first: DType | undefined = values.get(inputs[0] ?? '')?.dtype
  for (const [k, id] of outputs.entries()) if (id !== null) values.set(id, { id, dtype: dtypeOfOutput(def, k, first) })
  const classified = classifyOp(def.op, inputs, attrs, (id) => values.get(id)?.tensor)
  return { id: def.name, op: def.op, inputs, outputs, attrs, ...classified }
}

/** A region as one opaque node, which keeps its nodes as they are; none when nobody reads what it makes. */
function regionNode(
  { nodes: inside }: Region,
  all: readonly NodeDef[],
  graphOutputs: readonly string[],
  values: Map<ValueId, Value>,
): Node[] {
  const names = new Set(inside.map(({ name }) => name))
  const isInside = (ref: string) => names.has(parseRef(ref).node)
  const readOutside = [...graphOutputs, ...all.filter(({ name }) => !names.has(name)).flatMap(dataRefs)]
  const makes = [...new Set(readOutside.filter(isInside))]
  const reads = [...new Set(inside.flatMap(dataRefs))].filter((ref) => !isInside(ref) && values.has(ref))
  const byName = new Map(inside.map((node) => [node.name, node]))
  for (const id of makes) {
    const { node, output } = parseRef(id)
    values.set(id, { id, dtype: dtypeOfOutput(byName.get(node)!, output, undefined) })
  }
  if (makes.length === 0) return []
  const attrs = { nodes: JSON.stringify(inside), reads, makes }
  const id = `${inside[0]!.name}/region`
  return [{ id, kind: 'opaque', op: 'Subgraph', inputs: reads, outputs: makes, attrs, weights: [] }]
}

const unreadable = (what: string) =>
  new MixbitError('TFJS_UNREADABLE', `The model cannot be read: ${what}.`, {
    hint: 'The file is damaged or incomplete: convert the model again.',
  })
