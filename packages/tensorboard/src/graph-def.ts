import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { type Graph, type Grid, producers, readsOf, type ValueId } from '@mixbit/graph'
import { attrValue, shapesValue } from './attr-value.ts'
import { type GraphDef, GraphDefSchema, type NodeDefSchema } from './gen/tensorboard_pb.ts'
import { namesFor } from './names.ts'
import { type Attributes, inputAttributes, nodeAttributes, shapeOf } from './node-attributes.ts'

/** What else there is to say about a node, by its id: shown among its attributes. */
export type Notes = ReadonlyMap<string, Attributes>

/**
 * A graph as TensorBoard draws it: a node for each node and each input; constants are attributes of the nodes that read them.
 * The bits stand in the attributes, and as the device, because TensorBoard can colour by device.
 */
export function graphDef(graph: Graph, notes: Notes = new Map()): GraphDef {
  const names = namesFor([...graph.inputs.map(inputKey), ...graph.nodes.map(({ id }) => id)])
  const grids = gridsByValue(graph)
  const sources = sourcesOf(graph, names)
  const inputs = graph.inputs.map((id) =>
    nodeDef('Placeholder', id, names.get(inputKey(id))!, {
      attributes: inputAttributes(graph, id, grids.get(id)),
      shapes: [shapeOf(graph, id)],
    }),
  )
  const nodes = graph.nodes.map((node) => {
    const grid = node.grid ?? node.outputs.flatMap((id) => grids.get(id ?? '') ?? [])[0]
    const attributes = { ...nodeAttributes(graph, node, grid), ...notes.get(node.id) }
    const shapes = node.outputs.map((id) => shapeOf(graph, id))
    const { attr, ...rest } = nodeDef(node.op, node.id, names.get(node.id)!, { attributes, shapes })
    const theirs = Object.entries(node.attrs).map(([key, value]) => [key in attr ? `op_${key}` : key, attrValue(value)])
    return {
      ...rest,
      input: readsOf(node).flatMap((id) => sources.get(id) ?? []),
      attr: { ...Object.fromEntries(theirs), ...attr },
    }
  })
  return create(GraphDefSchema, { node: [...inputs, ...nodes] })
}

/** Values and nodes have separate name spaces. */
const inputKey = (id: ValueId): string => `input\n${id}`

interface About {
  readonly attributes: Attributes
  readonly shapes: Parameters<typeof shapesValue>[0]
}

function nodeDef(op: string, id: string, name: string, { attributes, shapes }: About) {
  const own = { ...attributes, ...(id !== name && { name_in_model: id }) }
  const attr = Object.fromEntries(Object.entries(own).map(([key, value]) => [key, attrValue(value)]))
  // TensorBoard labels the edges with these.
  const all = { ...attr, _output_shapes: shapesValue(shapes) }
  return { name, op, device: deviceOf(attributes), attr: all } satisfies MessageInitShape<typeof NodeDefSchema>
}

const deviceOf = ({ weights_bits, activation_bits }: Attributes): string =>
  [
    ...(weights_bits === undefined ? [] : [`${weights_bits}-bit weights`]),
    ...(activation_bits === undefined ? [] : [`${activation_bits}-bit activation`]),
  ].join(', ')

/** Where each value comes from: `name`, or `name:1` for a second output. */
function sourcesOf(graph: Graph, names: ReadonlyMap<string, string>): Map<ValueId, string> {
  const inputs = graph.inputs.map((id) => [id, names.get(inputKey(id))!] as const)
  const made = [...producers(graph)].map(([id, { id: node, outputs }]) => {
    const at = outputs.indexOf(id)
    return [id, `${names.get(node)}${at > 0 ? `:${at}` : ''}`] as const
  })
  return new Map([...inputs, ...made])
}

/** The grid on which each value is read. */
const gridsByValue = (graph: Graph): Map<ValueId, Grid> =>
  new Map(
    graph.nodes.flatMap(({ kind, grid, inputs: [id] }) =>
      kind === 'fakeQuantize' && grid && id != null ? [[id, grid] as const] : [],
    ),
  )
