import type { Graph, Value } from '@mixbit/graph'
import { graphDefOf } from '../graph-model/encode.ts'
import { layersTopology } from '../layers-model/topology.ts'
import { metaOf } from '../meta.ts'
import type { TfjsFiles } from '../source.ts'
import { plainWeight } from '../tensor-bytes.ts'
import { filesOf } from './files.ts'
import { type Storage, storedWeight } from './weight.ts'

/** A graph in the form that it was read from, weights on their grids. */
export function write(graph: Graph, storage: Storage): TfjsFiles {
  const meta = metaOf(graph)
  const stored = (names: ReadonlyMap<string, string>) =>
    [...names].map(([name, id]) => storedWeight(name, graph.values.get(id) as Value, meta, storage))
  const json = { ...meta.json, format: meta.format }
  if (meta.format === 'layers-model') {
    const { topology, weights } = layersTopology(graph)
    return filesOf({ ...json, modelTopology: topology }, stored(weights))
  }
  const { nodes, constants, added } = graphDefOf(graph, false)
  const modelTopology = { ...(meta.json.modelTopology as object), node: nodes }
  return filesOf({ ...json, modelTopology }, [
    ...stored(new Map([...constants].map(([id, name]) => [name, id]))),
    ...[...added].map(([name, tensor]) => plainWeight(name, tensor)),
    ...meta.loose,
  ])
}
