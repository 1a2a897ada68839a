import { useMemo, useState } from 'react'
import { type NetworkLayout, nodeSize } from '../layout/layout-network.ts'
import type { GraphNode } from './graph-node.ts'
import { shortNames } from './names.ts'
import type { NetworkFlowNode } from './network-node.tsx'

/** What the nodes show beside their names. */
export interface NetworkLook {
  readonly bits: readonly number[]
  readonly activationBits: readonly number[]
  readonly starved: readonly string[]
  readonly picked: string | null
  readonly active: string | null
}

/** Nodes as the graph view takes them; an unchanged one stays the same object, so that it is not drawn anew. */
export function useFlowNodes(
  shown: readonly GraphNode[],
  placed: NetworkLayout | null,
  look: NetworkLook,
): NetworkFlowNode[] {
  const [kept] = useState(() => new Map<string, NetworkFlowNode>())
  const names = useMemo(() => shortNames(shown.map(({ id }) => id)), [shown])
  const { bits, activationBits, starved, picked, active } = look
  return useMemo(() => {
    if (!placed) return []
    const ends = new Set(starved)
    return placed.nodes.map(({ id, x, y }, i) => {
      const { op, layer, activation } = shown[i]!
      const data = {
        name: names[i]!,
        op,
        bits: layer === null ? undefined : bits[layer],
        activationBits: activation === null ? undefined : activationBits[activation],
        starved: ends.has(id),
        active: id === active,
        picked: id === picked,
      }
      const before = kept.get(id)
      const same =
        before &&
        before.position.x === x &&
        before.position.y === y &&
        Object.entries(data).every(([key, value]) => before.data[key] === value)
      const node: NetworkFlowNode = same ? before : { id, type: 'network', position: { x, y }, ...nodeSize, data }
      kept.set(id, node)
      return node
    })
  }, [shown, placed, names, bits, activationBits, starved, picked, active, kept])
}
