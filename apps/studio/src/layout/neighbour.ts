import { type NetworkLayout, nodeSize } from './layout-network.ts'

export type Direction = 'up' | 'down' | 'left' | 'right'

/**
 * Where an arrow key goes from a node: down and up along the lines (of several, to the one nearest in x), sideways to the nearest
 * node of the same row. null: nowhere.
 */
export function neighbour({ nodes, edges }: NetworkLayout, id: string, direction: Direction): string | null {
  const places = new Map(nodes.map((node) => [node.id, node]))
  const here = places.get(id)
  if (!here) return null
  const ids =
    direction === 'down'
      ? edges.filter(({ from }) => from === id).map(({ to }) => to)
      : direction === 'up'
        ? edges.filter(({ to }) => to === id).map(({ from }) => from)
        : nodes
            .filter(
              ({ x, y }) => Math.abs(y - here.y) < nodeSize.height && (direction === 'left' ? x < here.x : x > here.x),
            )
            .map((node) => node.id)
  const far = (other: string) => Math.abs(places.get(other)!.x - here.x)
  return ids.length === 0 ? null : ids.reduce((a, b) => (far(b) < far(a) ? b : a))
}
