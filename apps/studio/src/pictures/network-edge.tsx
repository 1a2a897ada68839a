import { BaseEdge, type Edge, type EdgeProps } from '@xyflow/react'
import { memo } from 'react'
import type { Point } from '../layout/layout-network.ts'

export type NetworkFlowEdge = Edge<{ readonly points: readonly Point[] }, 'network'>

/** A line through the bends that the layout found, so that it passes beside the nodes that it skips. */
export const NetworkEdgeView = memo(({ data }: EdgeProps<NetworkFlowEdge>) => (
  <BaseEdge path={pathThrough(data!.points)} />
))

/** Straight at both ends, rounded at the bends: quadratic curves between the middles. */
export function pathThrough(points: readonly Point[]): string {
  const [first, ...rest] = points
  if (!first || rest.length === 0) return ''
  const last = rest.at(-1)!
  const curves = rest.slice(0, -1).map((bend, i) => {
    const next = rest[i + 1]!
    return `Q${bend.x},${bend.y} ${(bend.x + next.x) / 2},${(bend.y + next.y) / 2}`
  })
  return `M${first.x},${first.y}${curves.join('')}L${last.x},${last.y}`
}
