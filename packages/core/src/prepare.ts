import { collapseLinear, collapseResidual, foldBatchNorm, foldConstants, type Graph, rewrite } from '@mixbit/graph'
import type { FullConfig } from './config.ts'
import type { JobOptions } from './job.ts'

/** Simplifies a float graph without changing what it computes: fewer nodes, and batch norms inside the weights. */
export function prepare(graph: Graph, config: FullConfig, onGraph?: JobOptions['onGraph']): Graph {
  const { linearCollapsing, residualCollapsing } = config.quantizationConfig
  const folded = rewrite(graph, [foldConstants])
  onGraph?.('after_graph_preparation', folded)
  const prepared = rewrite(folded, [
    foldBatchNorm,
    ...(linearCollapsing ? [collapseLinear] : []),
    ...(residualCollapsing ? [collapseResidual] : []),
  ])
  onGraph?.('pre_statistics_collection_substitutions', prepared)
  return prepared
}
