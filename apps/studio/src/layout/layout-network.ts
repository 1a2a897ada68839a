import { Graph, layout } from '@dagrejs/dagre'

/** A node as the layout sees it. */
export interface LayoutNode {
  readonly id: string
  readonly inputs: readonly string[]
}

export interface Point {
  readonly x: number
  readonly y: number
}

/** Where everything lies, in pixels, top left of a node; plain data, so that a worker can send it. */
export interface NetworkLayout {
  readonly nodes: readonly (Point & { readonly id: string })[]
  /** Bends of the lines between nodes, with their ends. */
  readonly edges: readonly { readonly from: string; readonly to: string; readonly points: readonly Point[] }[]
  readonly width: number
  readonly height: number
}

/** The layout of a network: here, or in a worker. */
export type LayoutNetwork = (nodes: readonly LayoutNode[]) => Promise<NetworkLayout>

/** Every node has the same size. */
export const nodeSize = { width: 184, height: 46 }

/** Beyond this many nodes the quick ranking is taken: longer lines, a third of the time (dagre: 1.4 s for 500 nodes, then 0.5 s). */
const manyNodes = 80

/** Layers from top to bottom, by dagre. Inputs that are no node of the list are left out. */
export function layoutNetwork(nodes: readonly LayoutNode[]): NetworkLayout {
  const graph = new Graph()
  graph.setGraph({
    rankdir: 'TB',
    ranksep: 34,
    nodesep: 28,
    ranker: nodes.length > manyNodes ? 'longest-path' : 'network-simplex',
  })
  graph.setDefaultEdgeLabel(() => ({}))
  const known = new Set(nodes.map(({ id }) => id))
  for (const { id } of nodes) graph.setNode(id, { ...nodeSize })
  for (const { id, inputs } of nodes) for (const from of new Set(inputs)) if (known.has(from)) graph.setEdge(from, id)
  if (nodes.length > 0) layout(graph)
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number }
  return {
    nodes: nodes.map(({ id }) => {
      const { x, y } = graph.node(id) as Point
      return { id, x: x - nodeSize.width / 2, y: y - nodeSize.height / 2 }
    }),
    edges: graph
      .edges()
      .map(({ v, w }) => ({ from: v, to: w, points: (graph.edge(v, w) as { points: Point[] }).points })),
    width: Math.max(0, width),
    height: Math.max(0, height),
  }
}
