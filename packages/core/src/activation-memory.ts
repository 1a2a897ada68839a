import { withSession } from '@mixbit/adapter'
import { bitsOf, type Graph, type Node, type NodeId, type ValueId } from '@mixbit/graph'
import { type BopsBudget, macsOf } from './bops.ts'
import { type FusedChain, fusedChains } from './fused-chains.ts'
import type { Job } from './job.ts'
import type { Activation } from './observe.ts'

/** What is alive while one node runs, for one sample. */
export interface LiveStep {
  readonly node: NodeId
  readonly tensors: readonly LiveTensor[]
}

/** A tensor in memory: on the grid of an activation (its index), or as it is. */
export interface LiveTensor {
  readonly value: ValueId
  readonly elements: number
  readonly activation: number | null
  /** Of one element, where it is on no grid. */
  readonly bits: number
}

/** The tensors that are alive while one node runs, for one sample. */
export interface LiveCut {
  /** Bytes of the tensors that stay as they are. */
  readonly fixed: number
  /** Elements of the tensors on the grid of each activation, in the order of the activations. */
  readonly elements: readonly number[]
}

/** What is alive while each node runs, in the order of the graph: what it reads, what it gives, and what is needed later. */
export function liveValues(
  graph: Graph,
  chains: ReadonlyMap<NodeId, FusedChain>,
): { node: Node; values: ReadonlySet<ValueId> }[] {
  const index = new Map(graph.nodes.map((node, i) => [node.id, i]))
  const inside = new Set([...chains.values()].flatMap((chain) => chain.inside))
  const last = new Map<ValueId, number>()
  for (const node of graph.nodes) {
    // A fused chain runs as one: what its nodes read is needed until the last one gives the result.
    const end = chains.get(node.id)?.nodes.at(-1) ?? node
    for (const id of [...node.inputs, ...(node.captures ?? [])])
      if (id !== null) last.set(id, Math.max(last.get(id) ?? 0, index.get(end.id)!))
  }
  for (const id of graph.outputs) last.set(id, graph.nodes.length)
  const alive = new Set<ValueId>(graph.inputs.filter((id) => last.has(id)))
  return graph.nodes.map((node, i) => {
    for (const id of node.outputs) if (id !== null && !inside.has(id)) alive.add(id)
    const values = new Set(alive)
    for (const id of alive) if ((last.get(id) ?? i) <= i) alive.delete(id)
    return { node, values }
  })
}

/**
 * What is alive while each node runs, in the order of the graph. Sizes are those of the first sample, by its batch; constants
 * do not count, and neither does the inside of a fused chain (conv + ReLU).
 */
export async function liveSteps(job: Job, activations: readonly Activation[]): Promise<LiveStep[]> {
  const { adapter, prepared: graph, platform, samples, shifts } = job
  const lives = liveValues(graph, fusedChains(graph, platform, shifts))
  const made = new Set(graph.nodes.flatMap((node) => node.outputs))
  const wanted = [...new Set(lives.flatMap(({ values }) => [...values]))].filter((id) => made.has(id))
  const sample = samples[0]!
  const tensors = new Map([...sample, ...(await withSession(adapter, graph, wanted, (session) => session.run(sample)))])
  const batch = [...sample.values()][0]?.shape[0] ?? 1
  const owner = new Map(activations.flatMap(({ values }, i) => values.map((id) => [id, i] as const)))
  const tensorOf = (value: ValueId): LiveTensor => {
    const { shape, data, dtype } = tensors.get(value)!
    const elements = data.length / (shape[0] === batch ? batch : 1)
    return { value, elements, activation: owner.get(value) ?? null, bits: bitsOf(dtype) }
  }
  return lives.map(({ node, values }) => ({ node: node.id, tensors: [...values].map(tensorOf) }))
}

/** The cuts of a graph, without those that another one exceeds in everything. */
export async function liveCuts(job: Job, activations: readonly Activation[]): Promise<LiveCut[]> {
  const cuts = (await liveSteps(job, activations)).map(({ tensors }): LiveCut => {
    const elements = new Array<number>(activations.length).fill(0)
    let fixed = 0
    for (const { activation, elements: count, bits } of tensors) {
      if (activation === null) fixed += (count * bits) / 8
      else elements[activation]! += count
    }
    return { fixed, elements }
  })
  const exceeds = (a: LiveCut, b: LiveCut) => a.fixed >= b.fixed && a.elements.every((n, i) => n >= b.elements[i]!)
  return cuts.filter(
    (cut, i) => !cuts.some((other, k) => k !== i && exceeds(other, cut) && (!exceeds(cut, other) || k < i)),
  )
}

/** Bytes alive at the worst moment, for a bit-width of every activation. */
export const activationMemory = (cuts: readonly LiveCut[], bits: readonly number[]): number =>
  Math.max(0, ...cuts.map(({ fixed, elements }) => elements.reduce((sum, n, i) => sum + (n * bits[i]!) / 8, fixed)))

/** Multiply-accumulates of every layer for one sample, and the activation that it reads. A weight that several nodes share counts at each. */
export async function bopsMeasure(job: Job, activations: readonly Activation[]): Promise<Omit<BopsBudget, 'limit'>> {
  const { adapter, prepared: graph, samples, layers } = job
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]))
  const owners = layers.map(({ node, sharedWith }) => [node, ...sharedWith].map((id) => nodes.get(id)!))
  const wanted = [...new Set(owners.flat().map((node) => node.outputs[0]!))]
  const sample = samples[0]!
  const tensors = await withSession(adapter, graph, wanted, (session) => session.run(sample))
  const owner = new Map(activations.flatMap(({ values }, i) => values.map((id) => [id, i] as const)))
  return {
    macs: layers.map(({ kind, weights }, i) =>
      owners[i]!.reduce((sum, node) => {
        const output = tensors.get(node.outputs[0]!)!.shape
        const shapes = weights.map((id) => graph.values.get(id)!.tensor!.shape)
        return sum + shapes.reduce((macs, shape) => macs + macsOf(kind, shape, output, node.weights[0]?.axis), 0)
      }, 0),
    ),
    reads: owners.map(
      ([node]) => owner.get(node!.inputs.find((id) => id !== null && !graph.values.get(id)?.tensor) ?? '') ?? null,
    ),
  }
}
