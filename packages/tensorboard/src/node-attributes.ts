import { type Dim, type Graph, type Grid, type Node, sizeOf, type Value, type ValueId } from '@mixbit/graph'
import { thresholds } from './thresholds.ts'

/** Texts and numbers by name. */
export type Attributes = Readonly<Record<string, string | number>>

/** What Mixbit knows of a node: kind, macs, weights and activation with their bits, thresholds and bytes, shapes. */
export const nodeAttributes = (graph: Graph, node: Node, grid: Grid | undefined): Attributes => ({
  kind: node.kind,
  ...(node.macs !== undefined && { macs: node.macs }),
  ...weightAttributes(graph, node),
  ...(grid && gridAttributes('activation', grid)),
  ...activationBytes(graph, node, grid),
  output_shape: shapeText(node.outputs.map((id) => shapeOf(graph, id))),
})

/** The same for an input of the graph. */
export const inputAttributes = (graph: Graph, id: ValueId, grid: Grid | undefined): Attributes => ({
  ...(grid && gridAttributes('activation', grid)),
  output_shape: shapeText([shapeOf(graph, id)]),
})

export const shapeOf = (graph: Graph, id: ValueId | null) => (id === null ? undefined : graph.values.get(id)?.shape)

const shapeText = (shapes: readonly (readonly Dim[] | undefined)[]): string =>
  shapes.map((shape) => shape?.join('x') ?? '?').join(' ')

function gridAttributes(what: string, grid: Grid): Attributes {
  const { smallest, largest } = thresholds(grid)
  return {
    [`${what}_bits`]: grid.bits,
    [`${what}_threshold`]: largest,
    ...(grid.axis !== null && { [`${what}_smallest_threshold`]: smallest }),
    [`${what}_signed`]: grid.signed ? 'yes' : 'no',
  }
}

/** Several weights of one node are of one candidate, so the first one speaks for all. */
function weightAttributes(graph: Graph, node: Node): Attributes {
  const values = node.weights.flatMap(({ input }) => graph.values.get(node.inputs[input] ?? '') ?? [])
  const stored = values[0]?.stored
  if (values.length === 0) return {}
  return {
    weights_shape: shapeText(values.map(({ shape }) => shape)),
    weights_bytes: values.reduce((sum, value) => sum + weightBytes(value), 0),
    ...(stored && gridAttributes('weights', stored)),
  }
}

const weightBytes = ({ tensor, stored }: Value): number =>
  tensor ? Math.ceil((sizeOf(tensor.shape) * (stored?.bits ?? 32)) / 8) : 0

/** Bytes of what the node gives for one sample; nothing where a shape is unknown. */
function activationBytes(graph: Graph, { outputs }: Node, grid: Grid | undefined): Attributes {
  const samples = outputs.flatMap((id) => (id === null ? [] : [shapeOf(graph, id)?.slice(1)]))
  if (samples.some((shape) => !shape?.every((n) => typeof n === 'number'))) return {}
  const elements = samples.reduce((sum, shape) => sum + sizeOf(shape as number[]), 0)
  return { activation_bytes: Math.ceil((elements * (grid?.bits ?? 32)) / 8) }
}
