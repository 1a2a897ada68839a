import { clone, fromBinary } from '@bufbuild/protobuf'
import {
  type Attr,
  type Dim,
  type DType,
  type Graph,
  MixbitError,
  type Node,
  type Tensor,
  type Value,
  type ValueId,
} from '@mixbit/graph'
import { readAttribute, subgraphsOf } from './attribute.ts'
import { classify, macsOf } from './classify.ts'
import { dtypesOfOutputs } from './dtypes.ts'
import {
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  TensorProto_DataLocation,
  type TypeProto,
  ValueInfoProtoSchema,
} from './gen/onnx_pb.ts'
import type { OnnxMeta } from './meta.ts'
import { dtypeOf, type ExternalData, readTensor } from './tensor.ts'

/** Operator sets of ai.onnx that are understood. */
const opsetRange = { from: 7, to: 25 }

const unreadable = (message: string, cause?: unknown) =>
  new MixbitError('ONNX_UNREADABLE', message, {
    hint: 'Give an ONNX model (.onnx); a damaged file has to be exported or downloaded again.',
    cause,
  })

/**
 * Decodes the container and checks that it is an ONNX model of a known operator set.
 * @throws MixbitError `ONNX_UNREADABLE`, `ONNX_OPSET`.
 */
export function decodeModel(bytes: Uint8Array): ModelProto {
  if (bytes.length === 0) throw unreadable('The model is empty: it has 0 bytes.')
  let model: ModelProto
  try {
    model = fromBinary(ModelProtoSchema, bytes)
  } catch (cause) {
    throw unreadable(`The ${bytes.length} bytes are not an ONNX model, or not all of one.`, cause)
  }
  if (!model.graph || model.graph.output.length === 0 || model.opsetImport.length === 0)
    throw unreadable(`The ${bytes.length} bytes are not an ONNX model: they hold no graph with outputs.`)
  const opset = Number(model.opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version ?? 0n)
  if (opset !== 0 && (opset < opsetRange.from || opset > opsetRange.to))
    throw new MixbitError(
      'ONNX_OPSET',
      `The model uses opset ${opset}; Mixbit reads ${opsetRange.from} to ${opsetRange.to}.`,
      {
        hint: 'Export the model with an opset in that range.',
        context: { opset },
      },
    )
  return model
}

/** Locations of the external files that a model names. */
export function externalLocations(model: ModelProto): string[] {
  const tensors = (model.graph?.initializer ?? []).concat(
    (model.graph?.node ?? []).flatMap((node) => node.attribute.flatMap(({ t }) => (t ? [t] : []))),
  )
  const external = tensors.filter((tensor) => tensor.dataLocation === TensorProto_DataLocation.EXTERNAL)
  return [...new Set(external.map((tensor) => tensor.externalData.find(({ key }) => key === 'location')?.value ?? ''))]
}

/** A decoded model as a graph; `files` are its external files by location. */
export function graphOf(model: ModelProto, files: ReadonlyMap<string, Uint8Array>): Graph {
  const proto = model.graph as GraphProto
  const external = externalReader(files)
  const values = new Map<ValueId, Value>()
  const meta = metaOfModel(model, proto)
  const constant = (id: ValueId, tensor: Tensor) =>
    values.set(id, { id, dtype: tensor.dtype, shape: tensor.shape, tensor })
  const outside = new Set<ValueId>()
  for (const tensor of proto.initializer) {
    const read = readTensor(tensor, external)
    if (!read)
      throw unreadable(`Initializer ${tensor.name} has element type ${tensor.dataType}, which Mixbit does not know.`)
    constant(tensor.name, read)
  }
  for (const sparse of proto.sparseInitializer) outside.add(sparse.values?.name ?? '')
  if (outside.size > 0)
    throw unreadable(`The model has sparse initializers (${[...outside].join(', ')}), which Mixbit does not read.`)
  const inputs = proto.input.map(({ name }) => name).filter((name) => !values.has(name))
  for (const id of inputs) values.set(id, declaredValue(id, meta.types.get(id)))
  const nodes: Node[] = []
  const ids = new Set<string>()
  for (const node of proto.node) {
    const made = constantOf(node, external)
    if (made) constant(node.output[0] as string, made)
    else nodes.push(nodeOf(node, uniqueId(node, ids), values, meta, external))
  }
  const outputs = proto.output.map(({ name }) => name)
  for (const id of outputs) if (!values.has(id)) values.set(id, declaredValue(id, meta.types.get(id)))
  return { name: proto.name || 'model', inputs, outputs, nodes, values, meta: meta as unknown as Graph['meta'] }
}

function metaOfModel(model: ModelProto, proto: GraphProto): OnnxMeta {
  const declared = [...proto.input, ...proto.output, ...proto.valueInfo]
  const rest = clone(ModelProtoSchema, { ...model, graph: undefined })
  return {
    opsets: Object.fromEntries(
      model.opsetImport.map(({ domain, version }) => [domain === 'ai.onnx' ? '' : domain, Number(version)]),
    ),
    irVersion: Number(model.irVersion),
    model: rest,
    types: new Map(declared.flatMap(({ name, type }) => (type ? [[name, type] as const] : []))),
    declared: new Map([...proto.input, ...proto.output].map((info) => [info.name, clone(ValueInfoProtoSchema, info)])),
  }
}

/** The value of a Constant node, when the IR can hold it. */
function constantOf(node: NodeProto, external: ExternalData): Tensor | undefined {
  if (node.opType !== 'Constant' || (node.domain !== '' && node.domain !== 'ai.onnx')) return undefined
  const [attribute] = node.attribute
  if (!attribute?.name || attribute.refAttrName !== '') return undefined
  const attr = readAttribute(attribute, external)
  const { name } = attribute
  if (name === 'value') return typeof attr === 'object' && 'tensor' in attr ? attr.tensor : undefined
  if (name === 'value_float') return { dtype: 'f32', shape: [], data: Float32Array.of(attribute.f) }
  if (name === 'value_floats')
    return { dtype: 'f32', shape: [attribute.floats.length], data: Float32Array.from(attribute.floats) }
  if (name === 'value_int') return { dtype: 'i64', shape: [], data: BigInt64Array.of(attribute.i) }
  if (name === 'value_ints')
    return { dtype: 'i64', shape: [attribute.ints.length], data: BigInt64Array.from(attribute.ints) }
  if (name === 'value_string' && typeof attr === 'string') return { dtype: 'string', shape: [], data: [attr] }
  return undefined
}

function uniqueId(node: NodeProto, ids: Set<string>): string {
  const wanted = node.name || node.output.find(Boolean) || node.opType
  let id = wanted
  for (let n = 1; ids.has(id); n++) id = `${wanted}_${n}`
  ids.add(id)
  return id
}

const named = (name: string): ValueId | null => (name === '' ? null : name)

function nodeOf(
  node: NodeProto,
  id: string,
  values: Map<ValueId, Value>,
  meta: OnnxMeta,
  external: ExternalData,
): Node {
  const op = node.domain === '' || node.domain === 'ai.onnx' ? node.opType : `${node.domain}::${node.opType}`
  const inputs = node.input.map(named)
  const attrs: Record<string, Attr> = {}
  for (const attribute of node.attribute) attrs[attribute.name] = readAttribute(attribute, external)
  const classified = classify(op, inputs, attrs, (value) => values.get(value)?.tensor)
  const captures = [
    ...new Set(node.attribute.flatMap((attribute) => subgraphsOf(attribute).flatMap(outerNames))),
  ].filter((name) => !inputs.includes(name))
  const dtypes = dtypesOfOutputs(
    op,
    node,
    inputs.map((input) => (input === null ? undefined : values.get(input)?.dtype)),
    attrs,
  )
  node.output.forEach((output, i) => {
    if (output !== '') values.set(output, declaredValue(output, meta.types.get(output), dtypes[i] ?? dtypes[0]))
  })
  const weight = classified.weights[0]
  const weightId = weight && inputs[weight.input]
  const macs = macsOf(
    classified.kind,
    weightId ? values.get(weightId)?.tensor?.shape : undefined,
    values.get(node.output[0] ?? '')?.shape,
  )
  return {
    id,
    op,
    inputs,
    outputs: node.output.map(named),
    attrs,
    ...classified,
    ...(macs !== undefined && { macs }),
    ...(captures.length > 0 && { captures }),
  }
}

/** Names that a subgraph reads from outside, through all nested levels. */
function outerNames(graph: GraphProto): string[] {
  const inside = new Set([...graph.input.map(({ name }) => name), ...graph.initializer.map(({ name }) => name)])
  for (const node of graph.node) for (const output of node.output) inside.add(output)
  const read = graph.node.flatMap((node) => [
    ...node.input,
    ...node.attribute.flatMap((attribute) => subgraphsOf(attribute).flatMap(outerNames)),
  ])
  return [...read, ...graph.output.map(({ name }) => name)].filter((name) => name !== '' && !inside.has(name))
}

/** A value of the declared type; `otherwise` is the dtype when none is declared. */
function declaredValue(id: ValueId, type: TypeProto | undefined, otherwise: DType = 'f32'): Value {
  if (type?.value.case !== 'tensorType') return { id, dtype: otherwise }
  const { elemType, shape } = type.value.value
  const dims = shape?.dim.map(
    (dim, i): Dim =>
      dim.value.case === 'dimValue'
        ? Number(dim.value.value)
        : dim.value.case === 'dimParam' && dim.value.value !== ''
          ? dim.value.value
          : `${id}_${i}`,
  )
  return { id, dtype: dtypeOf(elemType) ?? otherwise, ...(dims && { shape: dims }) }
}

function externalReader(files: ReadonlyMap<string, Uint8Array>): ExternalData {
  return (location, offset, length) => {
    const file = files.get(location)
    const end = length === undefined ? (file?.length ?? 0) : offset + length
    if (!file || !(offset >= 0) || end > file.length || end < offset)
      throw new MixbitError(
        'ONNX_EXTERNAL_MISSING',
        file
          ? `External data ${location} has ${file.length} bytes, but bytes ${offset} to ${end} are needed.`
          : `External data ${location} was not given.`,
        {
          hint: 'Keep the data file beside the model, complete; for a model in memory, give it as externalData.',
          context: { location, offset, length },
        },
      )
    return file.subarray(offset, end)
  }
}
