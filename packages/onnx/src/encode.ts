import { clone, create, toBinary } from '@bufbuild/protobuf'
import type { Graph, Node, Tensor, Value, ValueId } from '@mixbit/graph'
import { writeAttribute } from './attribute.ts'
import {
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from './gen/onnx_pb.ts'
import { metaOf } from './meta.ts'
import { bytesOf, typeOf, writeTensor } from './tensor.ts'

/** A graph as an ONNX file, constants inside. Nodes must be ONNX operators: see `lowerStorage`. */
export const encodeOnnx = (graph: Graph): Uint8Array =>
  toBinary(
    ModelProtoSchema,
    modelOf(graph, graph.outputs, ({ id, tensor }) => writeTensor(id, tensor as Tensor)),
  )

/** A model for immediate use: big constants are handed over beside it and not encoded. */
export interface RunnableModel {
  readonly model: Uint8Array
  readonly externalData: readonly { readonly path: string; readonly data: Uint8Array }[]
}

/** Constants from this size on (in bytes) are handed over beside the model. */
const externalFrom = 1024

/** The same for a session: `outputs` may be intermediate values. */
export function encodeForRun(graph: Graph, outputs: readonly ValueId[]): RunnableModel {
  const externalData: { path: string; data: Uint8Array }[] = []
  const model = modelOf(graph, outputs, ({ id, tensor }) => {
    if (!tensor || tensor.dtype === 'string' || tensor.data.length === 0 || bytesOf(tensor).length < externalFrom)
      return writeTensor(id, tensor as Tensor)
    const path = `w${externalData.length}`
    const data = bytesOf(tensor)
    externalData.push({ path, data })
    return externalTensor(id, tensor, path, data.length)
  })
  return { model: toBinary(ModelProtoSchema, model), externalData }
}

const externalTensor = (name: string, tensor: Tensor, path: string, length: number): TensorProto =>
  create(TensorProtoSchema, {
    name,
    dims: tensor.shape.map(BigInt),
    dataType: typeOf(tensor.dtype),
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: [
      { key: 'location', value: path },
      { key: 'offset', value: '0' },
      { key: 'length', value: String(length) },
    ],
  })

function modelOf(graph: Graph, outputs: readonly ValueId[], constant: (value: Value) => TensorProto): ModelProto {
  const { opsets, irVersion, model } = metaOf(graph)
  const base = model ? clone(ModelProtoSchema, model) : create(ModelProtoSchema)
  const constants = [...graph.values.values()].filter(({ id, tensor }) => tensor && !graph.inputs.includes(id))
  return Object.assign(base, {
    // From IR version 4 on, initializers need not be inputs.
    irVersion: BigInt(Math.max(irVersion, 4)),
    opsetImport: Object.entries(opsets).map(([domain, version]) => ({
      $typeName: 'onnx.OperatorSetIdProto' as const,
      domain,
      version: BigInt(version),
    })),
    graph: create(GraphProtoSchema, {
      name: graph.name,
      node: graph.nodes.map(nodeProto),
      initializer: constants.map(constant),
      input: graph.inputs.map((id) => valueInfo(graph, id)),
      output: outputs.map((id) =>
        graph.outputs.includes(id) ? valueInfo(graph, id) : create(ValueInfoProtoSchema, { name: id }),
      ),
    }),
  })
}

function nodeProto(node: Node): NodeProto {
  const at = node.op.lastIndexOf('::')
  return create(NodeProtoSchema, {
    name: node.id,
    domain: at < 0 ? '' : node.op.slice(0, at),
    opType: at < 0 ? node.op : node.op.slice(at + 2),
    input: node.inputs.map((id) => id ?? ''),
    output: node.outputs.map((id) => id ?? ''),
    attribute: Object.entries(node.attrs).map(([name, attr]) => writeAttribute(name, attr)),
  })
}

/** What the file declared; for other values, what the IR knows. */
function valueInfo(graph: Graph, id: ValueId): ValueInfoProto {
  const { declared, types } = metaOf(graph)
  const info = declared?.get(id)
  if (info) return clone(ValueInfoProtoSchema, info)
  const type = types?.get(id)
  if (type) return create(ValueInfoProtoSchema, { name: id, type })
  const value = graph.values.get(id)
  const dims = value?.shape?.map((dim) => ({
    value:
      typeof dim === 'number'
        ? { case: 'dimValue' as const, value: BigInt(dim) }
        : { case: 'dimParam' as const, value: dim },
  }))
  return create(ValueInfoProtoSchema, {
    name: id,
    type: {
      value: {
        case: 'tensorType',
        value: { elemType: typeOf(value?.dtype ?? 'f32'), ...(dims && { shape: { dim: dims } }) },
      },
    },
  })
}
