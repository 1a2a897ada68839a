import { type NodeDef, parseRef, refOf } from './node-def.ts'

/** Operators that lead into control flow or make a handle that only lives in one execution, and those that lead out of it. */
const opens = new Set('Switch Enter TensorListReserve TensorListFromTensor EmptyTensorList TensorArrayV3'.split(' '))
const closes = new Set(
  'Merge Exit TensorListStack TensorListGather TensorListConcat TensorListConcatV2 TensorArrayGatherV3 TensorArrayConcatV3 TensorArrayReadV3'.split(
    ' ',
  ),
)

/** Nodes that can only run together: a loop, a conditional, or the life of a tensor list. */
export interface Region {
  readonly nodes: readonly NodeDef[]
}

/**
 * Groups control flow, so that what remains is an acyclic graph whose values always exist: depth grows by one at each
 * operator that opens and falls at each that closes; connected nodes below the surface, with their closers, are a region.
 * Merge and Switch of a loop neither open nor close; edges from NextIteration lead back and do not count.
 */
export function regionsOf(nodes: readonly NodeDef[]): Region[] {
  const byName = new Map(nodes.map((node) => [node.name, node]))
  const inputs = (node: NodeDef) =>
    (node.input ?? []).map((ref) => byName.get(parseRef(ref).node)).filter((n) => n !== undefined)
  const isBack = (node: NodeDef) => node.op === 'NextIteration'
  const inLoop = new Set(nodes.filter((node) => node.op === 'Merge' && inputs(node).some(isBack)))
  for (const node of nodes)
    if (node.op === 'Switch' && inputs(node).some(({ op }) => op === 'LoopCond')) inLoop.add(node)
  const depth = new Map<NodeDef, number>()
  const depthOf = (node: NodeDef, of: readonly NodeDef[]) => {
    const below = Math.max(0, ...of.map((input) => depth.get(input) ?? 0))
    if (inLoop.has(node)) return below
    return opens.has(node.op) ? below + 1 : closes.has(node.op) ? Math.max(0, below - 1) : below
  }
  const order = sorted(nodes, (node) => inputs(node).filter((input) => !isBack(input)))
  for (const node of order) depth.set(node, node.op === 'Const' ? 0 : depthOf(node, inputs(node)))

  const group = new Map<NodeDef, NodeDef>()
  const find = (node: NodeDef): NodeDef => {
    const parent = group.get(node) ?? node
    return parent === node ? node : find(parent)
  }
  for (const node of order)
    for (const input of node.op === 'Const' ? [] : inputs(node))
      if (depth.get(input)! > 0) {
        if (!group.has(node)) group.set(node, node)
        if (!group.has(input)) group.set(input, input)
        group.set(find(node), find(input))
      }
  const members = new Map<NodeDef, NodeDef[]>()
  for (const node of order) if (group.has(node)) members.set(find(node), [...(members.get(find(node)) ?? []), node])
  return [...members.values()].map((region) => ({ nodes: region }))
}

/** Topological order by depth-first search, without recursion; edges of a cycle that lead back are left out. */
export function sorted<T>(nodes: readonly T[], inputs: (node: T) => readonly T[]): T[] {
  const order: T[] = []
  const state = new Map<T, 'open' | 'done'>()
  for (const root of nodes) {
    const stack = [root]
    while (stack.length > 0) {
      const node = stack.at(-1)!
      const waiting = state.has(node) ? [] : inputs(node).filter((input) => !state.has(input))
      if (state.get(node) === 'done') stack.pop()
      else if (state.has(node) || waiting.length === 0) {
        state.set(node, 'done')
        order.push(node)
        stack.pop()
      } else {
        state.set(node, 'open')
        stack.push(...waiting.toReversed())
      }
    }
  }
  return order
}

/** Data references of a node in their shortest form; control inputs are left out. */
export const dataRefs = (node: NodeDef): string[] => (node.input ?? []).filter((ref) => !ref.startsWith('^')).map(refOf)
