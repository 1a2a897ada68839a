import { collapseLinear, collapseResidual, foldBatchNorm, foldConstants, type Graph, rewrite } from '@mixbit/graph'
import type { FullConfig } from './config.ts'

/** Simplifies a float graph without changing what it computes: fewer nodes, and batch norms inside the weights. */
export function prepare(graph: Graph, config: FullConfig): Graph {
  const { linearCollapsing, residualCollapsing } = config.quantizationConfig
  return rewrite(graph, [
    foldConstants,
    foldBatchNorm,
    ...(linearCollapsing ? [collapseLinear] : []),
    ...(residualCollapsing ? [collapseResidual] : []),
  ])
}
