import { type Adapter, withSession } from '@mixbit/adapter'
import { type Graph, onlyTheirValues, readsOf, type Tensor, type ValueId } from '@mixbit/graph'

/** A graph that is run piece by piece for several samples; `live` holds what the rest of it needs, by sample. */
export interface Walk {
  readonly graph: Graph
  readonly live: Map<ValueId, Tensor>[]
  /** Nodes before this one have run. */
  position: number
}

export const startWalk = (graph: Graph, samples: readonly ReadonlyMap<ValueId, Tensor>[]): Walk => ({
  graph,
  live: samples.map((sample) => new Map(sample)),
  position: 0,
})

/**
 * Runs on until node `stop` is next, with `values` for constants that have changed. Keeps what later nodes read, and what
 * is in `keep`.
 */
export async function advance(
  walk: Walk,
  stop: number,
  adapter: Adapter,
  keep: ReadonlySet<ValueId>,
  values: Graph['values'] = walk.graph.values,
): Promise<void> {
  const { graph, live } = walk
  if (stop <= walk.position) return
  const nodes = graph.nodes.slice(walk.position, stop)
  const made = new Set(nodes.flatMap((node) => node.outputs))
  const needed = new Set([...graph.nodes.slice(stop).flatMap(readsOf), ...keep])
  const outputs = [...made].filter((id): id is ValueId => id !== null && needed.has(id))
  const inputs = [...new Set(nodes.flatMap(readsOf))].filter((id) => !made.has(id) && !graph.values.get(id)?.tensor)
  const piece = onlyTheirValues({ ...graph, values, nodes, inputs, outputs })
  const run = async (
    session: { run(feeds: ReadonlyMap<ValueId, Tensor>): Promise<ReadonlyMap<ValueId, Tensor>> } | null,
  ) => {
    for (const state of live) {
      const feeds = new Map(inputs.map((id) => [id, state.get(id)!]))
      const results = session ? await session.run(feeds) : []
      for (const id of state.keys()) if (!needed.has(id)) state.delete(id)
      for (const [id, tensor] of results) state.set(id, tensor)
    }
  }
  await (outputs.length > 0 ? withSession(adapter, piece, outputs, run) : run(null))
  walk.position = stop
}
