import { type Graph, type Grid, type Node, type NodeId, producers, type Value, type ValueId } from '@mixbit/graph'
import { type FusedChain, fusedChains } from './fused-chains.ts'
import type { Job } from './job.ts'
import { operatorRule } from './operator-rule.ts'
import type { ActivationsConfig, TargetPlatform } from './target-platform.ts'

/**
 * The activations that get a quantizer, with their candidates: what quantized operators read and what they give, behind the
 * last node of a fused chain, and what is shifted to above zero. Graph outputs stay float, so that the last result loses nothing.
 */
export function quantizedActivations(
  graph: Graph,
  platform: TargetPlatform,
  chains: ReadonlyMap<NodeId, FusedChain>,
  shifts: Job['shifts'] = new Map(),
): Map<ValueId, ActivationsConfig> {
  const makers = producers(graph)
  const floats = new Set([...graph.outputs, ...[...chains.values()].flatMap(({ inside }) => inside)])
  const chosen = new Map<ValueId, ActivationsConfig>()
  const take = (id: ValueId | null | undefined, config: ActivationsConfig | null) => {
    const value = id == null ? undefined : graph.values.get(id)
    if (config && value?.dtype === 'f32' && !value.tensor && !floats.has(value.id) && !chosen.has(value.id))
      chosen.set(value.id, config)
  }
  for (const node of graph.nodes) {
    const { activations, follows } = operatorRule(platform, node)
    const end = chains.get(node.id)?.nodes.at(-1) ?? node
    take(end.outputs[0], shifts.get(node.id)?.activations ?? null)
    // Inside a chain whose beginning is quantized the end is chosen already.
    const reached = [...node.inputs, end.outputs[0]].some((id) => id != null && chosen.has(id))
    if (!activations || (follows && !reached)) continue
    for (const id of node.inputs) {
      const maker = id === null ? undefined : makers.get(id)
      take(id, (maker && operatorRule(platform, maker).activations) ?? activations)
    }
    take(end.outputs[0], operatorRule(platform, end).activations)
  }
  return chosen
}

/** Whose grid an activation is on: its own, or that of the activation which a node that only moves data made it from. */
export function gridSources(
  graph: Graph,
  platform: TargetPlatform,
  activations: ReadonlyMap<ValueId, unknown>,
): Map<ValueId, ValueId> {
  const makers = producers(graph)
  const sourceOf = (id: ValueId): ValueId => {
    const maker = makers.get(id)
    const from = maker && operatorRule(platform, maker).preserving ? maker.inputs[0] : undefined
    return from != null && activations.has(from) ? sourceOf(from) : id
  }
  return new Map([...activations.keys()].map((id) => [id, sourceOf(id)]))
}

/** Values that share one grid, with the nodes that give them; those of a fused chain give its end together. */
export interface ActivationGroup {
  readonly value: ValueId
  readonly values: readonly ValueId[]
  /** The values inside the fused chains that end in them. */
  readonly fused: readonly ValueId[]
  /** What the target platform offers. */
  readonly config: ActivationsConfig
  /** Its values and nodes by name. */
  readonly names: readonly string[]
  readonly nodes: readonly Node[]
}

/** The activations that get a quantizer, by the grid they are on, in topological order. */
export function activationGroups(
  graph: Graph,
  platform: TargetPlatform,
  shifts: Job['shifts'] = new Map(),
): ActivationGroup[] {
  const chains = fusedChains(graph, platform, shifts)
  const activations = quantizedActivations(graph, platform, chains, shifts)
  const sources = gridSources(graph, platform, activations)
  const makers = producers(graph)
  return [...new Set(sources.values())].map((value) => {
    const values = [...activations.keys()].filter((id) => sources.get(id) === value)
    const ends = values.flatMap((id) => makers.get(id) ?? [])
    const nodes = ends.flatMap((node) => chains.get(node.id)?.nodes ?? [node])
    const fused = ends.flatMap(({ id }) => chains.get(id)?.inside ?? [])
    const names = [...values, ...nodes.map(({ id }) => id)]
    return { value, values, fused, config: activations.get(value)!, names, nodes }
  })
}

/** Puts a fakeQuantize node behind every value that has a grid; whoever read the value now reads it quantized. */
export function quantizeActivations(graph: Graph, grids: ReadonlyMap<ValueId, Grid>): Graph {
  const values = new Map(graph.values)
  const renamed = new Map<ValueId, ValueId>()
  const quantizers = new Map<ValueId, Node>()
  for (const [id, grid] of grids) {
    const output = `${id}_q`
    values.set(output, { ...(graph.values.get(id) as Value), id: output })
    renamed.set(id, output)
    quantizers.set(id, {
      id: `${id}_quantize`,
      kind: 'fakeQuantize',
      op: 'FakeQuantize',
      inputs: [id],
      outputs: [output],
      attrs: {},
      weights: [],
      grid,
    })
  }
  const nodes: Node[] = []
  const addQuantizers = (ids: readonly (ValueId | null)[]) => {
    for (const id of ids) if (id !== null && quantizers.has(id)) nodes.push(quantizers.get(id) as Node)
  }
  addQuantizers(graph.inputs)
  for (const node of graph.nodes) {
    nodes.push({ ...node, inputs: node.inputs.map((id) => (id === null ? null : (renamed.get(id) ?? id))) })
    addQuantizers(node.outputs)
  }
  return { ...graph, nodes, values }
}
