import type { LayoutNode } from './layout-network.ts'

/**
 * The nodes that are kept, each reading from those that reach it through left-out ones. Where branches join, a node is kept, too: else
 * whatever is behind a chain of residual blocks would read from every block before it.
 */
export function collapse<Node extends LayoutNode>(nodes: readonly Node[], keep: (node: Node) => boolean): Node[] {
  // In topological order, so what a node reads is known before it.
  const reached = new Map<string, readonly string[]>()
  return nodes.flatMap((node) => {
    const inputs = [...new Set(node.inputs.flatMap((id) => reached.get(id) ?? []))]
    const kept = keep(node) || inputs.length > 1
    reached.set(node.id, kept ? [node.id] : inputs)
    return kept ? [{ ...node, inputs }] : []
  })
}
