import { type Adapter, type Session, withSession } from '@mixbit/adapter'
import { type Graph, onlyTheirValues, readsOf, sizeOf, type Tensor, type Tensors, type ValueId } from '@mixbit/graph'
import { liveValues } from '../activation-memory.ts'
import type { Job } from '../job.ts'

/** A graph that is run piece by piece for several samples, and what the rest of it still needs, by sample. */
export interface Walk {
  readonly live: Map<ValueId, Tensor>[]
  /** The node that runs next. */
  position: number
}

export const startWalk = (samples: readonly Tensors[]): Walk => ({
  live: samples.map((sample) => new Map(sample)),
  position: 0,
})

/** How many samples two walks, through the float and the quantized model, can hold within `memoryLimit`, at least one. */
export async function samplesThatFit({ adapter, prepared, samples, config }: Job): Promise<number> {
  const [sample] = samples as [Job['samples'][number]]
  const made = new Set(prepared.nodes.flatMap((node) => node.outputs))
  const lives = liveValues(prepared, new Map())
  const wanted = [...new Set(lives.flatMap(({ values }) => [...values]))].filter((id) => made.has(id))
  const tensors = new Map([
    ...sample,
    ...(await withSession(adapter, prepared, wanted, (session) => session.run(sample))),
  ])
  const bytes = lives.map(({ values }) => [...values].reduce((sum, id) => sum + 4 * sizeOf(tensors.get(id)!.shape), 0))
  return Math.max(
    1,
    Math.min(samples.length, Math.floor(config.mixedPrecisionConfig.memoryLimit / (2 * Math.max(1, ...bytes)))),
  )
}

/**
 * Runs the nodes up to and without `stop`. Constants are those of `graph`, which may change between calls. What neither later
 * nodes read nor `keep` names is forgotten.
 */
export async function advance(
  walk: Walk,
  graph: Graph,
  stop: number,
  adapter: Adapter,
  keep: ReadonlySet<ValueId>,
): Promise<void> {
  if (stop <= walk.position) return
  const nodes = graph.nodes.slice(walk.position, stop)
  const made = new Set(nodes.flatMap((node) => node.outputs))
  const needed = new Set([...graph.nodes.slice(stop).flatMap(readsOf), ...keep])
  const outputs = [...made].filter((id): id is ValueId => id !== null && needed.has(id))
  const piece = pieceOf(graph, nodes, outputs)
  const step = async (session: Session | null) => {
    for (const state of walk.live) {
      const results = session ? await session.run(new Map(piece.inputs.map((id) => [id, state.get(id)!]))) : []
      for (const id of [...state.keys()]) if (!needed.has(id)) state.delete(id)
      for (const [id, tensor] of results) state.set(id, tensor)
    }
  }
  await (outputs.length > 0 ? withSession(adapter, piece, outputs, step) : step(null))
  walk.position = stop
}

/** Some nodes of a graph as a graph. */
function pieceOf(graph: Graph, nodes: Graph['nodes'], outputs: readonly ValueId[]): Graph {
  const made = new Set(nodes.flatMap((node) => node.outputs))
  const inputs = [...new Set(nodes.flatMap(readsOf))].filter((id) => !made.has(id) && !graph.values.get(id)?.tensor)
  return onlyTheirValues({ ...graph, nodes, inputs, outputs })
}
